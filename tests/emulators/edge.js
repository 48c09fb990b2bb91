// Runs a CloudFront function for the events on standard input, in a context that has what CloudFront's runtime 2.0 has, and no more.
const vm = require('vm');

const MODULES = { crypto: require('crypto'), querystring: require('querystring'), buffer: require('buffer') };
const LOGS = [];

function only(name) {
    if (!(name in MODULES)) {
        throw new Error('CloudFront has no module ' + name);
    }
    return MODULES[name];
}

async function main(given) {
    const console = { log: (...words) => LOGS.push(words.join(' ')), error: (...words) => LOGS.push(words.join(' ')) };
    const context = vm.createContext({ console, require: only, Buffer }, { codeGeneration: { strings: false, wasm: false } });
    vm.runInContext(given.code + '\nglobalThis.__handler = handler;', context, { timeout: 1000 });
    const results = [];
    for (const event of given.events) {
        try {
            results.push({ result: await context.__handler(event) });
        } catch (error) {
            results.push({ error: String(error) });
        }
    }
    return { results, logs: LOGS };
}

let input = '';
process.stdin.on('data', (chunk) => (input += chunk));
process.stdin.on('end', () => main(JSON.parse(input)).then((answer) => process.stdout.write(JSON.stringify(answer))));
