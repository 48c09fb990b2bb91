// Signs in by managed login with PKCE, uploads by a form of S3, creates links and follows them.
//
// Tokens stay in the memory of the page: nothing that another page or a later visitor of the computer could read has them.

const SECOND = 1000;
const SCAN_WAIT_SECONDS = 3;
const MOST_SCAN_WAITS = 200;
const STATES = {
    available: 'ready',
    scanning: 'being checked',
    refused: 'refused: the check found a threat, or could not read the file',
    revoked: 'revoked',
    expired: 'expired',
    gone: 'deleted',
    used_up: 'opened as often as it may be',
};
const OUTCOMES = {
    ...STATES,
    fetched: 'downloaded',
    sign_in: 'refused: not signed in',
    foreign: 'refused: not for this person',
    revoked: 'refused: revoked',
    expired: 'refused: expired',
    gone: 'refused: the file was deleted',
    used_up: 'refused: opened as often as it may be',
    scanning: 'refused: still being checked',
};

const at = (id) => document.getElementById(id);
const config = await (await fetch('config.json')).json();
let tokens = null;

// ---- Signing in: https://www.rfc-editor.org/rfc/rfc7636

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const callback = `${location.origin}/`;

async function signIn() {
    const verifier = random();
    const state = random();
    // For one exchange, in this tab alone; the link that was being followed comes back with it.
    sessionStorage.setItem('sign-in', JSON.stringify({ verifier, state, hash: location.hash }));
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
    const query = new URLSearchParams({
        client_id: config.client_id,
        response_type: 'code',
        scope: 'openid email',
        redirect_uri: callback,
        state,
        code_challenge: base64url(new Uint8Array(digest)),
        code_challenge_method: 'S256',
    });
    location.assign(`${config.login}/oauth2/authorize?${query}`);
}

async function tokenRequest(fields) {
    const answer = await fetch(`${config.login}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: config.client_id, ...fields }),
    });
    if (!answer.ok) {
        return null;
    }
    const given = await answer.json();
    // Asked for again a minute before it expires.
    return { access: given.access_token, refresh: given.refresh_token ?? tokens?.refresh, until: Date.now() + (given.expires_in - 60) * SECOND };
}

// The code of a sign-in that this tab began; any other is refused.
async function finishSignIn() {
    const query = new URLSearchParams(location.search);
    if (!query.has('code') && !query.has('error')) {
        return;
    }
    const begun = JSON.parse(sessionStorage.getItem('sign-in') ?? 'null');
    sessionStorage.removeItem('sign-in');
    history.replaceState(null, '', callback + (begun?.hash ?? ''));
    if (begun && query.get('state') === begun.state && query.has('code')) {
        const fields = { grant_type: 'authorization_code', code: query.get('code'), redirect_uri: callback, code_verifier: begun.verifier };
        tokens = await tokenRequest(fields);
    }
    if (!tokens) {
        fail('You could not be signed in. Please try again.');
    }
}

async function accessToken() {
    if (tokens && Date.now() > tokens.until) {
        tokens = await tokenRequest({ grant_type: 'refresh_token', refresh_token: tokens.refresh });
    }
    if (!tokens) {
        await signIn();
        // The browser leaves the page.
        await new Promise(() => {});
    }
    return tokens.access;
}

async function signOut() {
    if (tokens?.refresh) {
        const body = new URLSearchParams({ client_id: config.client_id, token: tokens.refresh });
        await fetch(`${config.login}/oauth2/revoke`, { method: 'POST', body }).catch(() => {});
    }
    tokens = null;
    location.assign(`${config.login}/logout?${new URLSearchParams({ client_id: config.client_id, logout_uri: callback })}`);
}

// ---- The API

class ApiError extends Error {
    constructor(status, body) {
        super(body.message ?? 'The service does not answer. Please try again.');
        this.status = status;
        this.state = body.state;
    }
}

async function call(method, path, { token, body } = {}) {
    const headers = { accept: 'application/json', authorization: `Bearer ${token ?? (await accessToken())}` };
    if (body) {
        headers['content-type'] = 'application/json';
    }
    const answer = await fetch(`${config.api.replace(/\/$/, '')}${path}`, { method, headers, body: body && JSON.stringify(body) });
    const given = await answer.json().catch(() => ({}));
    if (!answer.ok) {
        throw new ApiError(answer.status, given);
    }
    return given;
}

// ---- What the page shows

function say(text) {
    at('status').textContent = text;
}

function fail(text) {
    at('error').textContent = text;
    at('error').hidden = false;
    say('');
}

// Runs what a button does: its error is shown, and the button waits.
async function during(button, work) {
    at('error').hidden = true;
    button.disabled = true;
    try {
        await work();
    } catch (error) {
        fail(error.message);
    } finally {
        button.disabled = false;
    }
}

const size = (bytes) => (bytes < 1024 ** 2 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`);
const moment = (text) => new Date(text).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

function period(hours) {
    const [count, unit] = hours % 24 ? [hours, 'hour'] : [hours / 24, 'day'];
    return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

// ---- Uploading

function sendForm(form, file) {
    const data = new FormData();
    for (const [name, value] of Object.entries(form.fields)) {
        data.append(name, value);
    }
    // S3 reads no field behind the file.
    data.append('file', file);
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open('POST', form.url);
        request.upload.onprogress = (event) => {
            at('progress').value = event.loaded / event.total;
        };
        request.onload = () => {
            if (request.status < 300) {
                resolve();
            } else {
                const code = /<Code>(\w+)<\/Code>/.exec(request.responseText)?.[1];
                const tooLarge = `The file is too large: at most ${size(config.max_bytes)}.`;
                reject(new Error(code === 'EntityTooLarge' ? tooLarge : 'The upload was refused. Please choose the file again.'));
            }
        };
        request.onerror = () => reject(new Error('The upload was interrupted. Please try again.'));
        request.send(data);
    });
}

// Until S3's scan has an answer; the link works from then on.
async function scanned(key) {
    for (let waits = 0; waits < MOST_SCAN_WAITS; waits += 1) {
        const { state } = await call('GET', `/uploads?${new URLSearchParams({ key })}`);
        if (state !== 'scanning') {
            return state;
        }
        await new Promise((resolve) => setTimeout(resolve, SCAN_WAIT_SECONDS * SECOND));
    }
    return 'scanning';
}

async function upload() {
    const file = at('file').files[0];
    // The limits are S3's; the page says so sooner.
    if (!config.content_types.includes(file.type)) {
        throw new Error(`Files of this type cannot be shared. Possible are ${kinds()}.`);
    }
    if (file.size > config.max_bytes) {
        throw new Error(`The file is too large: at most ${size(config.max_bytes)}.`);
    }
    if (!file.size) {
        throw new Error('The file is empty.');
    }
    const recipients = at('recipients').value.split(/[\s,;]+/).filter(Boolean);
    at('created').hidden = true;
    say(`Uploading ${file.name}`);
    at('progress').value = 0;
    at('progress').hidden = false;
    try {
        const asked = { form: 'files', content_type: file.type, file_name: file.name, redirect: false };
        const form = await call('POST', '/uploads', { body: asked });
        await sendForm(form, file);
        const most = at('most').value ? { max_fetches: Number(at('most').value) } : {};
        const about = { key: form.key, file_name: file.name, size_bytes: file.size, hours: Number(at('hours').value), recipients, ...most };
        const share = await call('POST', '/shares', { body: about });
        show(share, file.name);
        at('upload').reset();
        // The link stays on the page while the file is checked.
        scanned(form.key).then((state) => checked(state, file.name)).catch((error) => fail(error.message));
    } finally {
        at('progress').hidden = true;
    }
    await list();
}

function show(share, name) {
    say('');
    at('created-url').value = share.url;
    at('created-note').textContent = `${name} is being checked for threats. The link works once that is done, until ${moment(share.expires_at)}.`;
    at('created').hidden = false;
    at('created-title').focus();
}

async function checked(state, name) {
    if (state === 'available') {
        at('created-note').textContent = `${name} is ready. Send the link to whom it is for: it cannot be shown again.`;
        say(`${name} is ready.`);
    } else if (state === 'refused') {
        at('created').hidden = true;
        fail(`${name} was refused: the check found a threat, or could not read the file.`);
    }
    await list();
}

// ---- Links of the user

async function list(after) {
    const given = await call('GET', `/shares${after ? `?${new URLSearchParams({ after })}` : ''}`);
    const rows = given.shares.map(row);
    if (after) {
        at('shares').append(...rows);
    } else {
        at('shares').replaceChildren(...rows);
    }
    at('none').hidden = at('shares').children.length > 0;
    at('more').hidden = !given.after;
    at('more').onclick = () => during(at('more'), () => list(given.after));
}

function facts(share) {
    const opened = `${share.fetches}${share.max_fetches ? ` of ${share.max_fetches}` : ''} download${share.fetches === 1 && !share.max_fetches ? '' : 's'}`;
    const people = share.recipients.length ? `for ${share.recipients.join(', ')}` : 'for whoever has the link';
    const state = STATES[share.state];
    return [state, `until ${moment(share.expires_at)}`, opened, people].join(' · ');
}

function row(share) {
    const item = at('share-template').content.cloneNode(true).querySelector('li');
    const [revoke, opened, fetches] = ['.revoke', '.show', '.fetches'].map((one) => item.querySelector(one));
    item.querySelector('h3').textContent = share.file_name;
    item.querySelector('.facts').textContent = facts(share);
    revoke.hidden = !['available', 'scanning'].includes(share.state);
    revoke.setAttribute('aria-label', `Revoke the link to ${share.file_name}`);
    opened.setAttribute('aria-label', `Who opened ${share.file_name}`);
    revoke.onclick = () => during(revoke, async () => {
        await call('DELETE', `/shares/${share.id}`);
        say(`The link to ${share.file_name} is revoked.`);
        await list();
    });
    opened.onclick = () => during(opened, async () => {
        fetches.hidden = !fetches.hidden;
        opened.setAttribute('aria-expanded', String(!fetches.hidden));
        if (!fetches.hidden) {
            const given = await call('GET', `/shares/${share.id}/fetches`);
            item.querySelector('.facts').textContent = facts(given.share);
            fetches.replaceChildren(...given.fetches.map(fetched));
            if (!given.fetches.length) {
                fetches.append(line('Nobody yet'));
            }
        }
    });
    return item;
}

function line(text) {
    const item = document.createElement('li');
    item.textContent = text;
    return item;
}

function fetched(one) {
    return line([moment(one.at), OUTCOMES[one.outcome] ?? one.outcome, one.user_name, one.ip].filter(Boolean).join(' · '));
}

// ---- Following a link, whose token is the fragment of the address: no server and no log sees it

async function follow(token) {
    at('link').hidden = false;
    at('link-title').focus();
    try {
        describe(await call('GET', '/link', { token }));
    } catch (error) {
        at('link-state').textContent = error.status === 403 || error.status === 404 ? 'There is no such link.' : error.message;
    }
    at('download').onclick = () => during(at('download'), () => download(token));
    at('link-sign-in').onclick = () => during(at('link-sign-in'), signIn);
}

function describe(link) {
    at('link-file').textContent = link.file_name ? `${link.file_name} (${size(link.size_bytes)})` : 'A file for named people';
    const texts = {
        available: `The link holds until ${moment(link.expires_at)}.`,
        scanning: 'The file is being checked. Please come back in a moment.',
    };
    at('link-state').textContent = texts[link.state] ?? `The link does not work: it is ${STATES[link.state]}.`;
    at('download').hidden = link.state !== 'available' || (link.recipients_only && !tokens);
    at('link-sign-in').hidden = link.state !== 'available' || !link.recipients_only || Boolean(tokens);
}

async function download(token) {
    const { url } = tokens
        ? await call('POST', '/fetches', { body: { token } })
        : await call('POST', '/link/fetches', { token });
    // A file is saved, so that the page stays.
    location.assign(url);
    say('The download begins.');
}

// ---- Beginning

function kinds() {
    const short = { plain: 'text', document: 'Word', sheet: 'Excel', presentation: 'PowerPoint' };
    const names = config.content_types.map((one) => one.split('/')[1].split('.').pop());
    return names.map((one) => short[one] ?? one.toUpperCase()).join(', ');
}

function prepare() {
    document.title = config.title;
    at('title').textContent = config.title;
    at('file').accept = config.content_types.join(',');
    at('file-limits').textContent = `At most ${size(config.max_bytes)}: ${kinds()}.`;
    const choices = [1, 24, 72, 168, 336, 720, 2160, 8760, config.default_hours].filter((hours) => hours <= config.max_hours);
    for (const hours of [...new Set(choices)].sort((a, b) => a - b)) {
        at('hours').add(new Option(period(hours), hours, hours === config.default_hours, hours === config.default_hours));
    }
    at('sign-in').onclick = () => during(at('sign-in'), signIn);
    at('sign-out').onclick = () => during(at('sign-out'), signOut);
    at('copy').onclick = () => during(at('copy'), async () => {
        at('created-url').select();
        await navigator.clipboard.writeText(at('created-url').value);
        say('The link is copied.');
    });
    at('upload').onsubmit = (event) => {
        event.preventDefault();
        during(at('send'), upload);
    };
    addEventListener('hashchange', () => location.reload());
}

prepare();
await finishSignIn();
at('sign-out').hidden = !tokens;
const token = location.hash.slice(1);
if (token) {
    await follow(token);
} else if (tokens) {
    at('share').hidden = at('list').hidden = false;
    at('share-title').focus();
    await list().catch((error) => fail(error.message));
} else {
    at('welcome').hidden = false;
}
