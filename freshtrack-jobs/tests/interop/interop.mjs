// Node's side of J-23, told by its arguments what to do:
//   run <redis url> <prefix> <queue>      runs one job of ours and prints it
//   enqueue <redis url> <prefix> <queue>  enqueues one job for us
//   board <redis url> <prefix> <queue>    prints what Bull Board's API lists
import { Queue, Worker } from "bullmq";

const [action, url, prefix, name] = process.argv.slice(2);
const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
const organizationId = "018f3b1e-0000-7000-8000-000000000001";

const print = (value) => console.log(JSON.stringify(value));

if (action === "run") {
  const job = await new Promise((resolve) => {
    const worker = new Worker(name, async (job) => job.data.n * 2, { connection, prefix });
    worker.on("completed", async (job, result) => {
      await worker.close();
      resolve({ id: job.id, name: job.name, data: job.data, result });
    });
  });
  print(job);
} else if (action === "enqueue") {
  const queue = new Queue(name, { connection, prefix });
  const job = await queue.add("test:run", { n: 21, organizationId, version: 1 });
  await queue.close();
  print({ id: job.id });
} else if (action === "board") {
  const { createBoardRoutes } = await board();
  const queue = new Queue(name, { connection, prefix });
  print(await createBoardRoutes(queue));
  await queue.close();
} else {
  throw new Error(`unknown action ${action}`);
}

// The route behind the board's first page, without a web server around it.
async function board() {
  const { createBullBoard } = await import("@bull-board/api");
  const { BullMQAdapter } = await import("@bull-board/api/bullMQAdapter");
  return {
    async createBoardRoutes(queue) {
      let routes = [];
      let queues;
      const serverAdapter = {
        setQueues(map) { queues = map; return this; },
        setViewsPath() { return this; },
        setStaticPath() { return this; },
        setEntryRoute() { return this; },
        setErrorHandler() { return this; },
        setApiRoutes(list) { routes = list; return this; },
        setUIConfig() { return this; },
      };
      createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter });
      const list = routes.find((r) => [].concat(r.route).includes("/api/queues"));
      const { body } = await list.handler({ queues, query: {}, params: {}, headers: {} });
      return body.queues.map((q) => ({ name: q.name, counts: q.counts }));
    },
  };
}
