// Stands in for /usr/bin/osascript: `node osascript.js STATE DICTIONARY -l JavaScript -`, the program on standard input.
// The state file is read, and written back if something in it changed; passwords go to STATE.passwords.
"use strict";
const fs = require("node:fs");
const { Model } = require("./model.js");

const [stateFile, dictionaryFile, ...given] = process.argv.slice(2);
if (given.join(" ") !== "-l JavaScript -") throw new Error(`called as ${given.join(" ")}`);
const before = fs.readFileSync(stateFile, "utf8");
const model = new Model(JSON.parse(before), JSON.parse(fs.readFileSync(dictionaryFile, "utf8")));
console.log(model.run(fs.readFileSync(0, "utf8")));
const after = JSON.stringify(model.state, null, 2) + "\n";
if (after !== before) fs.writeFileSync(stateFile, after);
if (model.passwords.length > 0) fs.appendFileSync(`${stateFile}.passwords`, model.passwords.join("\n") + "\n");
