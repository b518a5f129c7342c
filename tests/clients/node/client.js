"use strict";

// Drives kafkajs: one job as JSON on standard input, its answer as JSON on standard output.

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require("kafkajs");

CompressionCodecs[CompressionTypes.Snappy] = require("kafkajs-snappy");

const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
};

const bytes = (text) => (text === null ? null : Buffer.from(text, "base64"));

// Header names may repeat; kafkajs takes a list of values per name.
function headersOf(pairs) {
  const headers = {};
  for (const [name, value] of pairs) {
    (headers[name] ??= []).push(bytes(value));
  }
  return headers;
}

async function produce(kafka, job) {
  const producer = kafka.producer({
    idempotent: job.idempotent,
    maxInFlightRequests: job.idempotent ? 1 : null,
    allowAutoTopicCreation: Boolean(job.autoCreate),
    retry: { retries: job.idempotent ? Number.MAX_SAFE_INTEGER : (job.retries ?? 5) },
  });
  await producer.connect();
  try {
    const bases = [];
    for (const send of job.sends) {
      const messages = send.map((message) => ({
        key: bytes(message.key),
        value: bytes(message.value),
        headers: headersOf(message.headers),
        partition: job.partition,
        ...(message.timestamp === null ? {} : { timestamp: message.timestamp }),
      }));
      const [answer] = await producer.send({
        topic: job.topic,
        acks: job.acks,
        compression: CODECS[job.codec],
        messages,
      });
      bases.push(answer ? answer.baseOffset : null);
    }
    return bases;
  } finally {
    await producer.disconnect();
  }
}

async function admin(kafka, job) {
  const client = kafka.admin();
  await client.connect();
  try {
    const answers = [];
    for (const [call, argument] of job.calls) {
      const answer = await client[call](argument);
      answers.push(answer === undefined ? null : answer);
    }
    return answers;
  } finally {
    await client.disconnect();
  }
}

// A member of a group: says what it is given and what it reads, until its input ends.
async function member(kafka, job, inputEnd) {
  const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
  // It sends heartbeats between its fetches only.
  const consumer = kafka.consumer({ groupId: job.group, heartbeatInterval: 500, maxWaitTimeInMs: 500 });
  const { GROUP_JOIN, REBALANCING } = consumer.events;
  consumer.on(GROUP_JOIN, (event) => say({ owned: event.payload.memberAssignment[job.topic] ?? [] }));
  consumer.on(REBALANCING, () => say({ owned: [] }));
  await consumer.connect();
  await consumer.subscribe({ topic: job.topic, fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 200,
    eachMessage: async ({ partition, message }) => say({ partition, offset: message.offset }),
  });
  await inputEnd;
  await consumer.disconnect();
}

// The job is the first line; most jobs end their input with it.
function readJob() {
  let text = "";
  let gotJob;
  let gotEnd;
  const job = new Promise((resolve) => (gotJob = resolve));
  const end = new Promise((resolve) => (gotEnd = resolve));
  process.stdin.on("data", (chunk) => {
    text += chunk;
    if (text.includes("\n")) {
      gotJob(text);
    }
  });
  process.stdin.on("end", () => {
    gotJob(text);
    gotEnd();
  });
  return [job, end];
}

async function main() {
  const [text, inputEnd] = readJob();
  const job = JSON.parse(await text);
  const kafka = new Kafka({
    clientId: "kafkajs",
    brokers: [job.bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { retries: job.retries ?? 5 },
  });
  const answer = await { produce, admin, member }[job.do](kafka, job, inputEnd);
  if (answer !== undefined) {
    process.stdout.write(JSON.stringify(answer));
  }
}

main().catch((error) => {
  console.error(`${error.name}: ${error.message} ${error.type ?? ""}`);
  process.exit(1);
});
