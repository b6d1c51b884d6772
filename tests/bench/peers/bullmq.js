// BullMQ on node: the seed's options for every job. See protocol.py for the roles.
'use strict';
const { Queue, Worker } = require('bullmq');

const PAYLOAD_BYTES = 200;
const WARM_UP = 20;
const NAME = 'task-processing';
const EIGHT = ['voice-processing', 'transcription', 'synthesis', 'email-processing', 'calendar-sync',
  'task-processing', 'ai-processing', 'notification'];
const OPTIONS = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 2000 },
  priority: 4,
  removeOnComplete: { age: 3600, count: 100 },
  removeOnFail: { age: 86400 },
};

function connectionOf(text) {
  // A socket's address, which has no host, is none to URL.
  const socket = /^unix:\/\/:([^@]*)@([^?]*)/.exec(text);
  if (socket) return { path: decodeURIComponent(socket[2]), password: decodeURIComponent(socket[1]) };
  const url = new URL(text);
  return { host: url.hostname, port: Number(url.port), password: decodeURIComponent(url.password) };
}

const connection = connectionOf(process.env.BENCH_URL);

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const now = () => Number(process.hrtime.bigint()); // CLOCK_MONOTONIC, as in the other peers
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function payload(tag = 'j') {
  const data = { user_id: 'bench-user', title: '' };
  const room = PAYLOAD_BYTES - JSON.stringify(data).length - tag.length - 1;
  data.title = `${tag} ${'x'.repeat(room)}`;
  return data;
}

async function openQueue() {
  const queue = new Queue(NAME, { connection, defaultJobOptions: OPTIONS });
  await queue.waitUntilReady();
  return queue;
}

const roles = {
  async 'add-bulk'({ count }) {
    const queue = await openQueue();
    const many = Array.from({ length: count }, () => ({ name: 'create-task', data: payload() }));
    const started = now();
    await queue.addBulk(many);
    say({ seconds: (now() - started) / 1e9, added: count });
  },

  async 'add-one'({ count, limit_s }) {
    const queue = await openQueue();
    for (let i = 0; i < WARM_UP; i++) await queue.add('create-task', payload());
    const started = now();
    let added = 0;
    for (; added < count && now() - started < limit_s * 1e9; added++) await queue.add('create-task', payload());
    say({ seconds: (now() - started) / 1e9, added });
  },

  async load({ rate, seconds }) {
    const queue = await openQueue();
    for (let i = 0; i < WARM_UP; i++) await queue.add('create-task', payload('warm'));
    const begun = now();
    const adding = [];
    let late = 0;
    for (let number = 0; number < Math.round(rate * seconds); number++) {
      const due = begun + (number / rate) * 1e9;
      const wait = (due - now()) / 1e6;
      if (wait > 0) await sleep(wait);
      late = Math.max(late, (now() - due) / 1e6);
      adding.push(queue.add('create-task', payload(`L${process.hrtime.bigint()}`)));
    }
    await Promise.all(adding);
    say({ late_ms: late });
  },

  async probe({ count, every_s }) {
    const queue = await openQueue();
    const added = {};
    for (let number = 0; number < count; number++) {
      await sleep(every_s * 1000);
      await queue.add('create-task', payload(`P${number}`), { priority: 1 });
      added[`P${number}`] = now();
    }
    say({ added });
  },

  async work({ concurrency, count, job_ms, limit_s, watch }) {
    let started = 0;
    let done = 0;
    const starts = [];
    let finish;
    const over = new Promise((resolve) => { finish = resolve; });
    const worker = new Worker(NAME, async (job) => {
      if (!started) started = now();
      if (watch) starts.push([job.data.title.split(' ', 1)[0], now()]);
      if (job_ms) await sleep(job_ms);
    }, { connection, concurrency });
    worker.on('completed', () => { if (++done === count) finish(); });
    worker.on('error', (error) => process.stderr.write(`${error.stack}\n`));
    process.on('SIGTERM', finish);
    await worker.waitUntilReady();
    say({ ready: true });
    setTimeout(finish, limit_s * 1000);
    await over;
    say({ started, ended: now(), done, starts });
  },

  async idle() {
    const workers = EIGHT.map((name) => new Worker(name, async () => null, { connection, concurrency: 10 }));
    await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    say({ ready: true });
    await new Promise(() => {});
  },
};

roles[process.argv[2]](JSON.parse(process.argv[3])).then(
  () => process.stdout.write('', () => process.exit(0)),
  (error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); },
);
