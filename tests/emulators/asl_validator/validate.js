// Reads a list of definitions from standard input, and writes for each what is wrong with it.
const { readFileSync } = require("node:fs");
const validate = require("asl-validator");

const definitions = JSON.parse(readFileSync(0, "utf8"));
const found = definitions.map((definition) =>
  validate(definition, { checkPaths: true, checkArn: true }).errors.map((error) => JSON.stringify(error)),
);
process.stdout.write(JSON.stringify(found));
