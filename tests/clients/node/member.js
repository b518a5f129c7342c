"use strict";

// A member of a group with kafkajs. What it takes and says is in matrix/group_runs/process.py.

const fs = require("fs");
const { parseArgs } = require("util");
const { Kafka, logLevel } = require("kafkajs");

// The Java client's names of what kafkajs calls otherwise.
const CONSUMER_SETTINGS = {
  "session.timeout.ms": "sessionTimeout",
  "heartbeat.interval.ms": "heartbeatInterval",
  "max.poll.interval.ms": "rebalanceTimeout",
  "fetch.max.wait.ms": "maxWaitTimeInMs",
};
const RESTART_MS = 300;
const RETRY_SETTINGS = {
  retries: "retries",
  "retry.backoff.ms": "initialRetryTime",
  "retry.backoff.max.ms": "maxRetryTime",
};

// One line in one write, so that kill -9 loses none that was written. The clock tells whole
// milliseconds: an interval of ownership must not seem to begin before it did.
function say(event, what) {
  const at = (Date.now() + (event === "assigned" ? 1 : 0)) / 1000;
  const line = Buffer.from(`${JSON.stringify({ at, event, ...what })}\n`);
  for (let done = 0; done < line.length; ) {
    try {
      done += fs.writeSync(1, line, done);
    } catch (error) {
      if (error.code !== "EAGAIN") {
        throw error;
      }
    }
  }
}

async function main() {
  const { values: args } = parseArgs({
    allowPositionals: true,
    options: {
      bootstrap: { type: "string" },
      group: { type: "string" },
      topic: { type: "string" },
      set: { type: "string", multiple: true, default: [] },
    },
  });
  const retry = { retries: 5 };
  const settings = { groupId: args.group, retry };
  for (const setting of args.set) {
    const [key, value] = [setting.slice(0, setting.indexOf("=")), setting.slice(setting.indexOf("=") + 1)];
    if (key in RETRY_SETTINGS) {
      retry[RETRY_SETTINGS[key]] = Number(value);
    } else {
      settings[CONSUMER_SETTINGS[key] ?? key] = Number(value);
    }
  }
  say("start");
  const kafka = new Kafka({ brokers: [args.bootstrap], logLevel: logLevel.NOTHING, retry });
  const stopped = new Promise((resolve) => process.on("SIGTERM", () => resolve(true)));
  // It crashes for good by errors that it does not deem worth another try, a broker that restarts
  // among them; a service would start it again.
  let isDone = false;
  while (!isDone) {
    isDone = await read(kafka, args, settings, stopped).catch((error) => {
      say("error", { text: `consumer: ${error}` });
      return Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, RESTART_MS, false))]);
    });
  }
  say("closed");
}

// One consumer, until it is stopped (true) or has crashed for good (it throws).
async function read(kafka, args, settings, stopped) {
  const consumer = kafka.consumer(settings);
  const started = Date.now();
  let assignments = 0;
  let owned = [];
  let isStopping = false;
  const end = (event) => {
    if (owned.length) {
      say(event, { partitions: owned });
    }
    owned = [];
  };
  const { GROUP_JOIN, REBALANCING, CRASH } = consumer.events;
  consumer.on(GROUP_JOIN, ({ payload }) => {
    // It joined anew without saying that it lost what it had: the broker did not know it any more.
    end("lost");
    owned = payload.memberAssignment[args.topic] ?? [];
    assignments += 1;
    say("assigned", { partitions: owned, generation: `${started}/${assignments}` });
  });
  consumer.on(REBALANCING, () => end("revoked"));
  const crashed = new Promise((resolve) => {
    consumer.on(CRASH, ({ payload }) => {
      say("error", { text: `crash: ${payload.error}` });
      end("lost");
      if (!payload.restart) {
        resolve(false);
      }
    });
  });

  await consumer.connect();
  await consumer.subscribe({ topic: args.topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, commitOffsetsIfNecessary, resolveOffset }) => {
      const { partition } = batch;
      // When one batch of a fetch fails, kafkajs hands over the others while it rejoins or crashes.
      if (isStopping || !owned.includes(partition)) {
        return;
      }
      for (const { offset, value } of batch.messages) {
        say("record", { partition, offset: Number(offset), value: value.toString() });
      }
      const next = (BigInt(batch.messages.at(-1).offset) + 1n).toString();
      try {
        await commitOffsetsIfNecessary({
          topics: [{ topic: args.topic, partitions: [{ partition, offset: next }] }],
        });
      } catch (error) {
        say("error", { text: `commit: ${error}` });
        throw error; // kafkajs rejoins or retries by it
      }
      say("committed", { offsets: { [partition]: Number(next) } });
      resolveOffset(batch.messages.at(-1).offset);
    },
  });
  if (!(await Promise.race([stopped, crashed]))) {
    throw new Error("crashed");
  }
  isStopping = true;
  end("revoked");
  await consumer.disconnect();
  return true;
}

main().then(
  () => process.exit(0),
  (error) => {
    say("error", { text: `${error}` });
    process.exit(1);
  },
);
