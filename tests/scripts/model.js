// A model of scriptable programs for `platform/src/scripts/properties.js`, which runs here unmodified. Objects behave
// as in `osascript -l JavaScript`: `app.elements` counts and is indexed, `app.elements()` gives specifiers by NAME (as Mail
// answers: two with one name are the same to it), a property is called to be read and assigned to be set.
// State and dictionary are those of the twin in platform/src/scripts/twin.rs.
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");

const PROGRAM = fs.readFileSync(`${__dirname}/../../platform/src/scripts/properties.js`, "utf8");

function appleError(number, message) {
    return Object.assign(new Error(message), { errorNumber: number });
}

class Model {
    constructor(state, dictionary) {
        this.state = state;
        this.dictionary = dictionary;
        this.passwords = [];
        this.log = []; // what was sent: "com.apple.mail launch", ..
    }

    application(bundle) {
        const program = this.state[bundle];
        const classes = this.dictionary[bundle];
        if (!program || !classes) throw appleError(-2700, "Error: Application can't be found.");
        const model = this;
        const habits = program.habits || {};
        let failedInThisVisit = false;
        let changedInThisVisit = false;

        // Every event but "are you running" goes through here.
        function event(what) {
            model.log.push(`${bundle} ${what}`);
            // An event to a program that does not run launches it.
            program.running = true;
            const fails = habits.fails;
            if (!fails || fails.times === 0) return;
            if (fails.times !== undefined && !failedInThisVisit) fails.times -= 1;
            failedInThisVisit = true;
            throw appleError(fails.number, "an invented failure");
        }

        function kindOf(elements, property) {
            const told = classes[elements] && classes[elements][property];
            if (!told) throw appleError(-1728, "Can't get object.");
            const [access, ...kind] = told.split(" ");
            return { access, kind: kind.join(" ") };
        }

        function mustFit(kind, value, property) {
            const fits = kind === "integer" ? Number.isInteger(value)
                : kind === "boolean" ? typeof value === "boolean"
                : kind === "text" ? typeof value === "string"
                : kind.split("|").includes(value);
            if (!fits) throw appleError(-1700, `Can't convert types. (${property})`);
        }

        // `where` finds the object anew at each event, as a specifier does.
        function objectSpecifier(elements, where) {
            return new Proxy(function () { }, {
                get(_, property) {
                    if (typeof property !== "string") return undefined;
                    return propertySpecifier(elements, where, property);
                },
                set(_, property, value) {
                    event(`set ${property}`);
                    const { access, kind } = kindOf(elements, property);
                    if (!access.includes("w")) throw appleError(-10006, `Can't set ${property}.`);
                    mustFit(kind, value, property);
                    const object = where();
                    changedInThisVisit = true;
                    if (!access.includes("r")) model.passwords.push(value);
                    else if (!(habits.ignores || []).includes(property)) object[property] = value;
                    return true;
                },
            });
        }

        function propertySpecifier(elements, where, property) {
            const read = () => {
                event(`get ${property}`);
                const { access, kind } = kindOf(elements, property);
                if (!access.includes("r")) throw appleError(-1728, "Can't get object.");
                const value = where()[property];
                if (!kind.startsWith("-> ")) return value === undefined ? null : value;
                return value === null ? null : objectSpecifier(kind.slice(3), () => target(value, kind));
            };
            const target = (at, kind) => {
                if (at === null || at === undefined) throw appleError(-1728, "Can't get object.");
                return program.objects[kind.slice(3)][at];
            };
            return new Proxy(read, {
                get(_, next) {
                    if (typeof next !== "string") return undefined;
                    const { kind } = kindOf(elements, property);
                    return propertySpecifier(kind.slice(3), () => target(where()[property], kind), next);
                },
            });
        }

        function collection(elements) {
            const all = () => program.objects[elements] || [];
            const byName = (name) => objectSpecifier(elements, () => all().find((one) => one.name === name));
            return new Proxy(function () { }, {
                apply() {
                    event(`every ${elements}`);
                    return all().map((one) => byName(one.name));
                },
                get(_, at) {
                    if (at === "length") {
                        event(`count ${elements}`);
                        return all().length;
                    }
                    if (at === "byName") return byName;
                    if (!/^\d+$/.test(String(at))) return undefined;
                    return objectSpecifier(elements, () => {
                        const one = all()[Number(at)];
                        if (!one) throw appleError(-1719, "Invalid index.");
                        return one;
                    });
                },
            });
        }

        return new Proxy(function () { }, {
            get(_, name) {
                switch (name) {
                    case "running": return () => program.running;
                    case "launch": return () => { model.log.push(`${bundle} launch`); failedInThisVisit = false; program.running = true; };
                    case "quit": return () => {
                        model.log.push(`${bundle} quit`);
                        failedInThisVisit = false;
                        program.running = false;
                        const onQuit = changedInThisVisit ? habits.on_quit || [] : [];
                        changedInThisVisit = false;
                        for (const [elements, at, property, value] of onQuit) program.objects[elements][at][property] = value;
                    };
                    case "activate": return () => { throw new Error("a window would come forward"); };
                    default: return collection(name);
                }
            },
        });
    }

    // What osascript does with `PROGRAM` and the call behind it: runs them, and prints the last value.
    run(text) {
        const known = new Map();
        const sandbox = {
            Application: (bundle) => {
                if (!known.has(bundle)) known.set(bundle, this.application(bundle));
                return known.get(bundle);
            },
            delay() { },
        };
        return vm.runInNewContext(text, sandbox, { timeout: 10000 });
    }

    ask(request) {
        return JSON.parse(this.run(`${PROGRAM}\nport26(${JSON.stringify(request)});\n`));
    }
}

module.exports = { Model, appleError };
