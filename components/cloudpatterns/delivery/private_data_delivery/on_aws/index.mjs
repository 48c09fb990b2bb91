// Signs CloudFront URLs and cookies. Whoever may invoke it decides who gets which object.
//
// {"key": "reports/7.pdf"} is answered with {"url", "expires_at"}: a URL of one object.
// {"prefix": "courses/7/"} is answered with {"url", "cookies", "expires_at"}: the values of Set-Cookie headers for all objects below it.
// Both take "seconds" and, for viewers of a network alone, "ip_range".
//
// Environment: URL, KEY_PAIR_ID, PUBLIC_KEY (PEM), SECRET_ARN (a secret with the private key as PEM), DEFAULT_SECONDS, MAX_SECONDS and
// COOKIE_DOMAIN (empty for the host that sets the cookies).
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html

import { createPrivateKey, createPublicKey, createSign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

const HASH = 'SHA256';
const client = new SecretsManagerClient({});
let loaded;

class RequestError extends Error {
    constructor(message) {
        super(message);
        this.name = 'RequestError';
    }
}

// Kept for as long as the function's environment lives: another private key has another public key, and so another environment.
async function privateKey() {
    if (!loaded) {
        const secret = await client.send(new GetSecretValueCommand({ SecretId: process.env.SECRET_ARN }));
        const key = parsed(secret.SecretString);
        const found = createPublicKey(key).export({ type: 'spki', format: 'der' });
        const expected = createPublicKey(process.env.PUBLIC_KEY).export({ type: 'spki', format: 'der' });
        if (!found.equals(expected)) {
            throw new Error(`the secret does not have the private key of the public key ${process.env.KEY_PAIR_ID}`);
        }
        loaded = key;
    }
    return loaded;
}

// An error of the parser may quote what it read.
function parsed(pem) {
    try {
        return createPrivateKey(pem);
    } catch {
        throw new Error('the secret does not have a private key in PEM');
    }
}

// Base64 with the characters that CloudFront reads in URLs and cookies.
function safe(bytes) {
    return bytes.toString('base64').replace(/\+/g, '-').replace(/=/g, '_').replace(/\//g, '~');
}

async function signature(policy) {
    return safe(createSign(HASH).update(policy).sign(await privateKey()));
}

function path(text, name) {
    if (typeof text !== 'string' || text === '' || text.startsWith('/')) {
        throw new RequestError(`${name} must be a text such as reports/7.pdf, without a slash at its beginning`);
    }
    const segments = text.split('/');
    // Browsers remove them, and ask for another object than was signed.
    if (segments.includes('.') || segments.includes('..')) {
        throw new RequestError(`${name} must not have . or .. between slashes`);
    }
    // A * in a policy would stand for any characters.
    return segments.map((one) => encodeURIComponent(one).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase()));
}

function expiry(event) {
    const most = Number(process.env.MAX_SECONDS);
    const seconds = event.seconds === undefined ? Number(process.env.DEFAULT_SECONDS) : event.seconds;
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > most) {
        throw new RequestError(`seconds must be a whole number from 1 to ${most}`);
    }
    return Math.floor(Date.now() / 1000) + seconds;
}

function condition(event, expires) {
    const result = { DateLessThan: { 'AWS:EpochTime': expires } };
    if (event.ip_range !== undefined) {
        const [address, bits, ...more] = String(event.ip_range).split('/');
        if (!isIPv4(address) || !/^\d{1,2}$/.test(bits || '') || Number(bits) > 32 || more.length) {
            throw new RequestError('ip_range must be an IPv4 network such as 203.0.113.0/24');
        }
        result.IpAddress = { 'AWS:SourceIp': event.ip_range };
    }
    return result;
}

function statement(resource, conditions) {
    return JSON.stringify({ Statement: [{ Resource: resource, Condition: conditions }] });
}

async function signedUrl(event, expires) {
    const url = `${process.env.URL}/${path(event.key, 'key').join('/')}`;
    const policy = statement(url, condition(event, expires));
    // Without more conditions CloudFront composes the policy itself, from the URL and its expiry.
    const terms = event.ip_range === undefined ? `Expires=${expires}` : `Policy=${safe(Buffer.from(policy))}`;
    const rest = `Key-Pair-Id=${process.env.KEY_PAIR_ID}&Hash-Algorithm=${HASH}`;
    return { url: `${url}?${terms}&Signature=${await signature(policy)}&${rest}`, expires_at: expires };
}

async function signedCookies(event, expires) {
    if (typeof event.prefix === 'string' && !event.prefix.endsWith('/')) {
        throw new RequestError('prefix must end in a slash, such as courses/7/');
    }
    const folder = `/${path(event.prefix, 'prefix').join('/')}`;
    const policy = statement(`${process.env.URL}${folder}*`, condition(event, expires));
    const values = {
        Policy: safe(Buffer.from(policy)),
        Signature: await signature(policy),
        'Key-Pair-Id': process.env.KEY_PAIR_ID,
        'Hash-Algorithm': HASH,
    };
    const domain = process.env.COOKIE_DOMAIN ? `; Domain=${process.env.COOKIE_DOMAIN}` : '';
    // Without an age the browser forgets them when it closes.
    const attributes = `${domain}; Path=${folder}; Secure; HttpOnly; SameSite=Lax`;
    const cookies = Object.entries(values).map(([name, value]) => `CloudFront-${name}=${value}${attributes}`);
    return { url: `${process.env.URL}${folder}`, cookies, expires_at: expires };
}

export async function handler(event) {
    const named = ['key', 'prefix'].filter((name) => event[name] !== undefined);
    if (named.length !== 1) {
        throw new RequestError('exactly one of key and prefix is needed');
    }
    const expires = expiry(event);
    return named[0] === 'key' ? signedUrl(event, expires) : signedCookies(event, expires);
}
