"use strict";
// The suite: node:test, and fetch for the control interface. Run it with `npm test`, which is
//
//   fakesmtp exec --quiet healthy -- node --test
//
// One server for the whole run; each test says over HTTP which failure comes next.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { sendReset } = require("./reset.cjs");

const control = process.env.FAKESMTP_CONTROL_URL;
const ADA = "ada@example.test";

/** Ask the control interface. */
async function ask(method, path, body) {
  const answer = await fetch(new URL(path, control), {
    method,
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const told = await answer.json();
  assert.ok(answer.ok, `${method} ${path}: ${told.detail}`);
  return told;
}

/** Play a scenario, by its name or written out; where the server is now. */
async function play(scenario) {
  const ready = await ask("PUT", "/v1/scenario", typeof scenario === "string" ? { name: scenario } : scenario);
  return { host: ready.host, port: ready.port, ca: ready.ca };
}

/** The same, without TLS. */
async function playInClear(scenario) {
  const { host, port } = await play(scenario);
  return { host, port };
}

test("the link is sent, inside TLS", async () => {
  const told = await sendReset(await play("healthy"), ADA);
  assert.deepEqual(told, { page: `We have sent a link to ${ADA}.` });
  const { messages } = await ask("GET", "/v1/messages");
  assert.equal(messages.length, 1);
  assert.deepEqual(messages[0]["forward-paths"], [ADA]);
  assert.equal(messages[0].subject, "Your new password");
  assert.match(messages[0].text, /reset\?key=4711/);
});

test("an unknown address is shown with the server's words", async () => {
  const { page } = await sendReset(await playInClear("unknown-user"), "adda@example.test");
  assert.match(page, /adda@example\.test was refused \(550 5\.1\.1 .*\)\. Is it the address/);
  const judged = await ask("POST", "/v1/verify", { status: 1, output: page });
  assert.equal(judged.verdict.name, "reported", judged.rendered);
});

test("what is put off is told apart from what is refused, and passes later", async () => {
  const server = await playInClear("greylisting");
  assert.match((await sendReset(server, ADA)).page, /450 4\.7\.1 .*Please try again in an hour/);
  await ask("POST", "/v1/clock", { advance: "1h" });
  assert.match((await sendReset(server, ADA)).page, /We have sent a link/);
});

test("wrong credentials are the administrator's business", async () => {
  const server = { ...(await play("auth-rejected")), user: "app", pass: "wrong" };
  const { page, log } = await sendReset(server, ADA);
  assert.equal(page, "We could not send the link. Our administrator has been told.");
  assert.match(log, /EAUTH: .*535/);
});

for (const name of ["starttls-failure", "starttls-not-offered", "certificate-wrong-host"]) {
  test(`without TLS nothing is sent: ${name}`, async () => {
    const { page } = await sendReset(await play(name), ADA);
    assert.match(page, /We could not send the link/);
    const transcript = await (await fetch(new URL("/v1/transcript", control))).text();
    assert.doesNotMatch(transcript, /MAIL FROM/);
  });
}

test("a failure of our own, written out", async () => {
  const server = await playInClear({
    rules: [{ at: "end-of-data", when: { header: { Subject: "*password*" } }, reply: "554 5.7.1 Looks like phishing" }],
  });
  assert.match((await sendReset(server, ADA)).log, /EMESSAGE: .*554 5\.7\.1 Looks like phishing/);
});
