"use strict";
// The product: "I forgot my password". It mails a link and tells its user what became of it.

const { readFileSync } = require("node:fs");
const nodemailer = require("nodemailer");

/**
 * Mail the link.
 * @param {{host: string, port: number, ca?: string, user?: string, pass?: string}} server
 * @param {string} address
 * @returns {Promise<{page: string, log?: string}>} what the page says, and a line for whoever runs the site
 */
async function sendReset(server, address) {
  const transport = nodemailer.createTransport({
    host: server.host,
    port: server.port,
    name: "app.example.test",
    requireTLS: server.ca !== undefined,
    ignoreTLS: server.ca === undefined,
    tls: server.ca === undefined ? {} : { ca: readFileSync(server.ca) },
    auth: server.user === undefined ? undefined : { user: server.user, pass: server.pass },
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 10_000,
  });
  try {
    await transport.sendMail({
      from: "app@example.test",
      to: address,
      subject: "Your new password",
      text: "https://app.example.test/reset?key=4711",
    });
    return { page: `We have sent a link to ${address}.` };
  } catch (error) {
    return explain(error, address);
  }
}

function explain(error, address) {
  const log = `${error.code}: ${error.message}`;
  if (error.code === "EENVELOPE" && error.responseCode >= 500) {
    return { page: `The recipient ${address} was refused (${error.response}). Is it the address you signed up with?`, log };
  }
  if (error.responseCode >= 400 && error.responseCode < 500) {
    return { page: `${address} cannot get mail just now (${error.response}). Please try again in an hour.`, log };
  }
  return { page: "We could not send the link. Our administrator has been told.", log };
}

module.exports = { sendReset };
