// platform/src/scripts/properties.js, unmodified, with models of Mail and of Outlook. `node --test tests/scripts/`
"use strict";
const test = require("node:test");
const assert = require("node:assert");
const fs = require("node:fs");
const { Model } = require("./model.js");

const MAIL = "com.apple.mail";
const dictionary = JSON.parse(fs.readFileSync(`${__dirname}/../../src/clients/scripted/dictionaries.json`, "utf8"));

function mail(changes) {
    const state = JSON.parse(fs.readFileSync(`${__dirname}/../fixtures/apple_mail/scripted/scripted.json`, "utf8"));
    Object.assign(state[MAIL], changes);
    return new Model(state, dictionary);
}

const key = (host, users) => ({ elements: "smtpServers", keys: { serverName: [host], userName: users } });
const move = (set) => ({ app: MAIL, do: "write", writes: [{ object: key("mail.hosting.test", [null, "ann"]), set }] });
const to26 = move([
    { property: "usesSsl", expect: false, value: true, blind: false },
    { property: "authentication", expect: "none", value: "password", blind: false },
    { property: "userName", expect: null, value: "ann", blind: false },
    { property: "password", expect: null, value: "s3cret", blind: true },
    { property: "port", expect: 25, value: 26, blind: false },
]);
const read = {
    app: MAIL, do: "read", wanted: [
        { elements: "smtpServers", properties: ["serverName", "port", "password"] },
        { elements: "accounts", properties: ["name", "emailAddresses", "deliveryAccount.serverName", "deliveryAccount.port"] },
    ],
};
const server = (model, at) => model.state[MAIL].objects.smtpServers[at];
const sent = (model) => model.log.map((line) => line.replace(`${MAIL} `, ""));

test("servers are told apart although they have one name, and a password cannot be read", () => {
    const [servers, accounts] = mail().ask(read).ok;
    assert.deepEqual(servers.slice(0, 2), [
        { serverName: "mail.hosting.test", port: 25, password: null },
        { serverName: "smtp.office.test", port: 587, password: null },
    ]);
    assert.equal(accounts[1]["deliveryAccount.serverName"], "smtp.office.test");
    assert.deepEqual(accounts[4], { name: "On My Mac", emailAddresses: [], "deliveryAccount.serverName": null, "deliveryAccount.port": null });
});

test("a Mail that did not run is launched without coming forward, and quit; one that ran stays", () => {
    const closed = mail();
    closed.ask(read);
    assert.equal(sent(closed)[0], "launch");
    assert.equal(sent(closed).at(-1), "quit");
    assert.equal(closed.state[MAIL].running, false);
    const open = mail({ running: true });
    open.ask(read);
    assert.ok(!sent(open).includes("quit") && !sent(open).includes("launch"));
    assert.equal(open.state[MAIL].running, true);
});

test("all is set on the right server, and the password arrives", () => {
    const model = mail();
    assert.deepEqual(model.ask(to26), { ok: null });
    const { port, usesSsl, authentication, userName } = server(model, 0);
    assert.deepEqual({ port, usesSsl, authentication, userName }, { port: 26, usesSsl: true, authentication: "password", userName: "ann" });
    assert.deepEqual(model.passwords, ["s3cret"]);
    assert.equal(server(model, 1).port, 587);
});

test("nothing is set when one of the settings is not what was seen", () => {
    const model = mail();
    server(model, 0).port = 465;
    const before = JSON.stringify(model.state);
    const { error } = model.ask(to26);
    assert.deepEqual([error.code, error.message], ["changed", "port"]);
    assert.equal(JSON.stringify(model.state), before);
    assert.ok(!sent(model).some((line) => line.startsWith("set ")));
});

test("what was set is set back when a later property is not taken", () => {
    const model = mail({ habits: { ignores: ["port"] } });
    const { error } = model.ask(to26);
    assert.deepEqual([error.code, error.message], ["not_taken", "port"]);
    const { port, usesSsl, authentication, userName } = server(model, 0);
    assert.deepEqual({ port, usesSsl, authentication, userName }, { port: 25, usesSsl: false, authentication: "none", userName: "" });
    assert.equal(model.state[MAIL].running, false);
});

test("two servers that cannot be told apart are refused", () => {
    const model = mail();
    model.state[MAIL].objects.smtpServers[4] = { ...server(model, 0), port: 587 };
    assert.equal(model.ask(to26).error.code, "ambiguous");
    model.state[MAIL].objects.smtpServers = [];
    assert.equal(model.ask(to26).error.code, "no_such_object");
});

test("not authorised is told once and not tried again; a lost connection is tried once more", () => {
    for (const [number, tries] of [[-1743, 1], [-1712, 1], [-600, 2], [-609, 2]]) {
        const model = mail({ habits: { fails: { number } } });
        const { error } = model.ask(read);
        assert.equal(error.number, number);
        assert.equal(sent(model).filter((line) => line.startsWith("count")).length, tries, String(number));
        assert.equal(sent(model).filter((line) => line === "launch").length, tries, String(number));
        assert.equal(model.state[MAIL].running, false);
    }
});

test("a Mail that reverts the port is seen by the next visit", () => {
    const model = mail({ habits: { on_quit: [["smtpServers", 0, "port", 25]] } });
    assert.deepEqual(model.ask(to26), { ok: null });
    assert.equal(model.ask(read).ok[0][0].port, 25);
});

const OUTLOOK = "com.microsoft.Outlook";

function outlook(changes, words = dictionary) {
    const state = JSON.parse(fs.readFileSync(`${__dirname}/../fixtures/outlook_mac/classic/scripted.json`, "utf8"));
    Object.assign(state[OUTLOOK], changes);
    return new Model(state, words);
}

const ann = { elements: "imapAccounts", keys: { server: ["mail.hosting.test"], userName: ["ann@hosting.test"] } };
const outlookTo26 = {
    app: OUTLOOK, do: "write", writes: [{
        object: ann, set: [
            { property: "smtpUseSsl", expect: false, value: true, blind: false },
            { property: "smtpNeedsAuthentication", expect: false, value: true, blind: false },
            { property: "smtpUseAccountAuthentication", expect: true, value: false, blind: false },
            { property: "smtpUserName", expect: null, value: "ann", blind: false },
            { property: "smtpPort", expect: 25, value: 26, blind: false },
            { property: "smtpPassword", expect: null, value: "s3cret", blind: true },
        ],
    }],
};

test("Outlook's accounts are set, and its password arrives and cannot be read", () => {
    const model = outlook();
    assert.deepEqual(model.ask(outlookTo26), { ok: null });
    const [set, other] = model.state[OUTLOOK].objects.imapAccounts;
    assert.deepEqual([set.smtpPort, set.smtpUseSsl, set.smtpUserName, other.smtpPort], [26, true, "ann", 587]);
    assert.deepEqual(model.passwords, ["s3cret"]);
    assert.equal(set.smtpPassword, undefined);
    const wanted = [{ elements: "popAccounts", properties: ["smtpPort"] }, { elements: "imapAccounts", properties: ["smtpPort", "smtpPassword"] }];
    const lists = model.ask({ app: OUTLOOK, do: "read", wanted }).ok;
    assert.deepEqual(lists[0], []);
    assert.deepEqual(lists[1][0], { smtpPort: 26, smtpPassword: null });
});

test("a property that Outlook does not know reads as missing, and sets nothing", () => {
    const other = structuredClone(dictionary);
    delete other[OUTLOOK].imapAccounts.smtpUserName;
    const model = outlook({}, other);
    const before = JSON.stringify(model.state);
    const wanted = [{ elements: "imapAccounts", properties: ["smtpUserName", "smtpPort"] }];
    assert.deepEqual(model.ask({ app: OUTLOOK, do: "read", wanted }).ok[0][1], { smtpUserName: null, smtpPort: 587 });
    assert.equal(model.ask(outlookTo26).error.number, -1728);
    assert.equal(JSON.stringify(model.state), before);
});

test("a program that is not installed is told as such", () => {
    const { error } = mail().ask({ ...read, app: "com.microsoft.Outlook" });
    assert.equal(error.number, -2700);
});
