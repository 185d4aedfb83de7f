// Reads and sets properties of a scriptable program's objects (JavaScript for Automation, `osascript -l JavaScript`).
// It knows no program: the request names it, its elements and their properties. JSON in, JSON out.
//
//   {"app": BUNDLE, "do": "read", "wanted": [{"elements": E, "properties": [P, "P.Q"]}]}
//     -> {"ok": [[{P: value, "P.Q": value}]]}            a list for each of the wanted; null is AppleScript's missing value
//   {"app": BUNDLE, "do": "write", "writes": [{"object": {"elements": E, "keys": {P: [values]}},
//                                              "set": [{"property": P, "expect": value, "value": value, "blind": bool}]}]}
//     -> {"ok": null}                                    "blind": a property that can be set and not read
//   -> {"error": {"number": N | null, "code": C | null, "message": TEXT}}
//
// A program that does not run is launched without its windows coming forward, and quit afterwards; one that runs stays.
// Each object is asked for by its place: several programs answer with names, and names need not be unique.
function port26(request) {
    const TICK = 0.1; // seconds
    const PATIENCE = 300; // ticks that a program may take to come and to go
    const NO_SUCH_OBJECT = -1728, WRONG_KIND = -1700, NOT_RUNNING = -600, CONNECTION_LOST = -609;

    function numberOf(error) {
        if (typeof error.errorNumber === "number") return error.errorNumber;
        const told = /\((-\d+)\)\s*$/.exec(String(error.message));
        return told ? Number(told[1]) : null;
    }

    function stop(code, message) {
        const error = new Error(message);
        error.code = code;
        throw error;
    }

    // Missing value and empty text are one: nothing is there.
    function plain(value) {
        return value === undefined || value === "" ? null : value;
    }

    function same(one, other) {
        return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
    }

    function get(object, path) {
        try {
            const names = path.split(".");
            const last = names.pop();
            let at = object;
            for (const name of names) at = at[name];
            return plain(at[last]());
        } catch (error) {
            // An account without a server has none of the server's properties either.
            const number = numberOf(error);
            if (number === NO_SUCH_OBJECT || number === WRONG_KIND) return null;
            throw error;
        }
    }

    function set(object, property, value) {
        object[property] = value === null ? "" : value;
    }

    function objects(app, elements) {
        const all = app[elements];
        const found = [];
        for (let at = 0; at < all.length; at++) found.push(all[at]);
        return found;
    }

    function find(app, key) {
        const fits = (object) => Object.keys(key.keys).every(
            (property) => key.keys[property].some((value) => same(value, get(object, property))));
        const found = objects(app, key.elements).filter(fits);
        const words = key.elements + " " + JSON.stringify(key.keys);
        if (found.length === 0) stop("no_such_object", words);
        if (found.length > 1) stop("ambiguous", words);
        return found[0];
    }

    function read(app) {
        const one = (object, properties) => {
            const values = {};
            for (const property of properties) values[property] = get(object, property);
            return values;
        };
        return request.wanted.map(
            (wanted) => objects(app, wanted.elements).map((object) => one(object, wanted.properties)));
    }

    // All of it or nothing, as far as the program lets us: everything is compared before the first is set, and what was
    // set is set back when a later one is not taken.
    function write(app) {
        const todo = [];
        for (const each of request.writes) {
            const object = find(app, each.object);
            for (const one of each.set) {
                if (!one.blind && !same(get(object, one.property), one.expect)) stop("changed", one.property);
                todo.push({ object: object, one: one });
            }
        }
        const done = [];
        try {
            for (const each of todo) {
                done.push(each);
                set(each.object, each.one.property, each.one.value);
            }
            for (const each of todo) {
                if (!each.one.blind && !same(get(each.object, each.one.property), each.one.value)) {
                    stop("not_taken", each.one.property);
                }
            }
        } catch (error) {
            for (const each of done.filter((each) => !each.one.blind)) {
                // What cannot be set back is seen by whoever looks next: the caller compares again.
                try { set(each.object, each.one.property, each.one.expect); } catch (ignored) { }
            }
            throw error;
        }
        return null;
    }

    function wait(app, running) {
        for (let tick = 0; tick < PATIENCE && app.running() !== running; tick++) delay(TICK);
    }

    function visit() {
        const app = Application(request.app);
        const ran = app.running();
        if (!ran) {
            app.launch();
            wait(app, true);
        }
        try {
            return request.do === "write" ? write(app) : read(app);
        } finally {
            if (!ran) {
                // What went wrong before is what counts.
                try {
                    if (app.running()) app.quit();
                    wait(app, false);
                } catch (ignored) { }
            }
        }
    }

    // A program that is just going away loses the first one who speaks to it. Once more, and only for these.
    function visitTwice() {
        try {
            return visit();
        } catch (error) {
            const number = numberOf(error);
            if (number !== NOT_RUNNING && number !== CONNECTION_LOST) throw error;
            delay(10 * TICK);
            return visit();
        }
    }

    try {
        return JSON.stringify({ ok: visitTwice() });
    } catch (error) {
        const code = error.code === undefined ? null : error.code;
        return JSON.stringify({ error: { number: numberOf(error), code: code, message: String(error.message) } });
    }
}
