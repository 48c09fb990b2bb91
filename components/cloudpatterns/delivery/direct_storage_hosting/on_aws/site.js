// The viewer-request function of a static site: it finds the object of a path, as S3 knows no folders and no index documents.
// SETTINGS stands before it: index (name of the index document), paths ("folders", "html" or "single_page") and
// host (the name that the others redirect to; empty for none).

// A name with a short ending that has a letter is a file: main.css, not v1.2. CloudFront stops a function that takes long, so no more of
// the name is matched.
function isFile(name) {
    const dot = name.lastIndexOf('.');
    const ending = name.slice(dot + 1);
    return dot >= 0 && ending.length <= 16 && /^[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*$/.test(ending);
}

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

// With the host: a Location that begins with two slashes would lead to another site.
function redirect(request, host, uri) {
    return {
        statusCode: 301,
        statusDescription: 'Moved Permanently',
        headers: { location: { value: 'https://' + host + uri + text(request.querystring) } },
    };
}

function handler(event) {
    const request = event.request;
    const uri = request.uri;
    const host = request.headers.host ? request.headers.host.value.toLowerCase() : '';
    // Files by their names, most without an ending, which other systems read and follow no redirect for.
    // https://www.rfc-editor.org/rfc/rfc8615
    if (uri.startsWith('/.well-known/')) {
        return request;
    }
    if (SETTINGS.host && host !== SETTINGS.host) {
        return redirect(request, SETTINGS.host, uri);
    }
    if (uri.endsWith('/')) {
        request.uri = SETTINGS.paths === 'single_page' ? '/' + SETTINGS.index : uri + SETTINGS.index;
        return request;
    }
    if (isFile(uri.slice(uri.lastIndexOf('/') + 1))) {
        return request;
    }
    if (SETTINGS.paths === 'single_page') {
        request.uri = '/' + SETTINGS.index;
    } else if (SETTINGS.paths === 'html') {
        request.uri = uri + '.html';
    } else {
        // A page finds what it links to beside it only when its address ends in a slash.
        return redirect(request, SETTINGS.host || host, uri + '/');
    }
    return request;
}
