"use strict";
// Delivers one message with nodemailer. The order is JSON in the first argument, the message is standard input.
// An error is shown as "CODE: text" with status 1, refused recipients with status 2.

const { readFileSync } = require("node:fs");
const nodemailer = require("nodemailer");

const order = JSON.parse(process.argv[2]);
const transport = nodemailer.createTransport({
  host: order.host,
  port: order.port,
  name: order.name,
  secure: order.tls === "implicit",
  requireTLS: order.tls === "starttls",
  ignoreTLS: order.tls === "none",
  tls: order.ca === null ? {} : { ca: readFileSync(order.ca) },
  auth: order.auth ?? undefined,
  connectionTimeout: order.patience,
  greetingTimeout: order.patience,
  socketTimeout: order.patience,
});

const dsn = order.dsn.ret || order.dsn.notify ? order.dsn : undefined;
const message = { envelope: { from: order.from, to: order.to }, raw: readFileSync(0), dsn };
transport.sendMail(message, (error, info) => {
  if (error) {
    console.error(`${error.code}: ${error.message}`);
    process.exitCode = 1;
    return;
  }
  for (const refusal of info.rejectedErrors ?? []) {
    console.error(`refused: ${refusal.recipient}: ${refusal.response}`);
    process.exitCode = 2;
  }
});
