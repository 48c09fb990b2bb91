// The viewer-request function that redirects by a table of rules, the first that matches.
// SETTINGS stands before it: hosts, and rules, each with path (with * at its end for all that begins so) and, where they are not the usual
// ones, hosts, host (to be sent to; usually the same), to (a path that may end in {path} or {rest}; usually the same) and status.

function text(parameters) {
    const pairs = [];
    for (const name of Object.keys(parameters)) {
        const found = parameters[name];
        for (const one of found.multiValue || [found]) {
            pairs.push(one.value === '' ? name : name + '=' + one.value);
        }
    }
    return pairs.length ? '?' + pairs.join('&') : '';
}

// What stands behind the path of the rule; undefined where the rule is for another path.
function rest(rule, uri) {
    if (!rule.path.endsWith('*')) {
        return uri === rule.path ? '' : undefined;
    }
    const start = rule.path.slice(0, -1);
    return uri.startsWith(start) ? uri.slice(start.length) : undefined;
}

// Without names, the distribution has its own alone.
function isOneOf(host, names) {
    return !names.length || names.some((name) => (name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name));
}

function handler(event) {
    const request = event.request;
    const host = request.headers.host ? request.headers.host.value.toLowerCase() : '';
    for (const rule of SETTINGS.rules) {
        const behind = rest(rule, request.uri);
        if (behind === undefined || !isOneOf(host, rule.hosts || SETTINGS.hosts)) {
            continue;
        }
        let path = rule.to || '/{path}';
        if (path.endsWith('{rest}')) {
            path = path.slice(0, -6) + behind;
        } else if (path.endsWith('{path}')) {
            path = path.slice(0, -6) + request.uri.slice(1);
        }
        // With the host: a Location that begins with two slashes would lead to another site.
        const status = rule.status || 301;
        return {
            statusCode: status,
            statusDescription: status === 301 ? 'Moved Permanently' : 'Found',
            headers: { location: { value: 'https://' + (rule.host || host) + path + text(request.querystring) } },
        };
    }
    return request;
}
