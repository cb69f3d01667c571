/** The words around the figures of a generated page. */
export interface PageText {
  /** From the root. */
  readonly file: string;
  readonly command: string;
  readonly title: string;
  readonly intro: string;
  /** How it was measured: a list. */
  readonly method: string;
}

export const SIDE_BY_SIDE_PAGE: PageText = {
  file: 'docs/BENCHMARKS.md',
  command: 'npm run bench -- --write',
  title: 'Benchmarks',
  intro: `Sluice side by side with bare baselines, in the same run on the same machine. Ratios hold from machine to machine better
than absolute figures do; measure on yours with \`npm run bench\`.`,
  method: `- **Baselines.** The *echo* is a bare grpc-js server that gives the request's bytes back, with pass-through codecs and channelz
  off. The *bare run* is a process that does nothing but \`session.run\` in a loop: same model, same batch, one thread.
- **CPU** is what the kernel says of all threads of the server process (\`/proc/<pid>/task/*/schedstat\`), over the calls that
  were answered in that time, the model's own work included. It does not depend on how hard the load pushes.
- **Pairs.** Server and baseline are measured in turn, each round in the other order, and compared within the round.
- **Load** comes from \`bench/\`, pre-encoded HTTP/2 frames in a closed loop; a measurement in which the generator was over 80%
  busy is void and made again. Every call must be answered OK.
- **Models** are made by \`bench/models/zoo.ts\` with fixed seeds; iris is the one in \`examples/\`.
- **Inside run** is the sum of \`sluice_batch_compute_duration_seconds\` over wall time x workers, at saturation.`,
};

export const OVERLOAD_PAGE: PageText = {
  file: 'docs/BENCHMARKS-OVERLOAD.md',
  command: 'npm run bench -- overload --write',
  title: 'Benchmarks: overload',
  intro: `More calls than the server can answer, each with a deadline: how many are still answered in time, and what becomes of the
rest. \`fifo\` is the same server with \`--queue-scheduler fifo\`: first come, first run, as most servers do.`,
  method: `- **Load** is Poisson in an open loop, at multiples of the capacity, after a warm-up with the same load. The generator looks
  at the clock every half millisecond; a measurement in which it was late or over 80% busy is void, made again, and marked if
  it stays void. Void rows meet no bar and are no peak.
- **Capacity.** Of the waiting model it follows from its cost: workers x rows / time of a full batch. Of the big MLP it is
  the best of three closed loops with 128 calls in flight, on cores that server and generator share.
- **Deadlines** are 5 batch times for all (equal), or twelve of 1.5 to 10 batch times at equal distances, in random order
  (mixed). They travel as grpc-timeout. Goodput counts what was OK within them by the client's clock, from the instant at which
  the call was meant to start.
- **Of peak**: goodput over the best goodput of any row of the table.
- **Latencies** are of OK answers, from the intended start. **Batch** is the mean of the rows of a batch.
- **Wasted**: rows that ran for an answer that the client did not get in time, over all rows that ran: rows run less calls that
  the server answered OK, and of these the share that reached the client too late.
- **Ceiling**, where the model shares its cores with the front end and the generator: the goodput that is possible at this load,
  over the peak. At the peak all cores are at work, so an answered call takes cores / peak; a call that is turned away takes what the
  server's main thread and the generator spend on it, told from the row with the most of them. What these leave of the cores is
  all that there is.`,
};

export const STATIC_PAGE: PageText = {
  file: 'docs/BENCHMARKS-STATIC.md',
  command: 'npm run bench -- static --write',
  title: 'Benchmarks: no configuration against the best one',
  intro: `The server as it comes, against the best that an operator could find by hand: a sweep of 5 largest batches x 3 delays
in config.pbtxt, on a server with \`--queue-scheduler fifo\`, which dispatches up to the largest batch.`,
  method: `- **Both servers** run at the same time, one of them loaded at a time, each on all cores, with the generator beside it. Calls have
  one row.
- **Saturation** is a closed loop with 384 calls in flight.
- **p99** is of Poisson arrivals at 0.8 of the default server's rate at saturation. Pairs that cannot carry it are left out:
  those below 0.9 of the default's rate.
- **Sweep and finals.** Each pair is measured once beside the default server. The best of many single measurements is partly
  luck, so the best two are measured again, in paired rounds, and the one that is hardest to beat counts.
- **Void measurements**, with a generator that was late or too busy, are made again; the third stands.`,
};

export const PEERS_PAGE: PageText = {
  file: 'docs/BENCHMARKS-PEERS.md',
  command: 'npm run bench -- peers --write',
  title: 'Benchmarks: Flask, MLServer and Sluice',
  intro: `The same scikit-learn forest (100 trees on iris) behind what people write first, behind the nearest other server, and exported to
ONNX behind Sluice; calls of one row.`,
  method: `- **Cores.** Each server has one core, the generator the other; one server runs at a time.
- **Flask** is \`bench/peers/flask_app.py\` under gunicorn, threads and keep-alive on; with one worker and with the three that gunicorn's
  documents advise for a core. **MLServer** runs its scikit-learn runtime in one process, with and without its adaptive batching.
- **Most requests/s** is the best of closed loops with ${'4, 16, 64 and 256'} calls open.
- **Latency** is of Poisson arrivals at rates that are 20, 50 and 80% of what each peer can do, from the instant at which a call was meant to
  start. A server is not asked for more than 85% of what it can do.
- **Memory** is the proportional set size of all its processes after that. **Ready** is the first right answer after the start of the process.
- **Load** is HTTP/1.1 with keep-alive, or gRPC, each by a generator that is written for it. Every answer over HTTP is looked at: the class must be right.`,
};
