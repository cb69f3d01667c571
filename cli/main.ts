/** Entry of the command line: bin/sluice.js imports it. */

import { guardStdout, systemIo } from './io.js';
import { run } from './program.js';

const argv = process.argv.slice(2);
// A server must outlive the reader of its output; every other command has nothing more to say.
if (argv[0] !== 'serve') guardStdout();
const code = await run(argv, systemIo());
// A command that leaves something running (serve) sets the code itself when that ends.
if (code !== undefined) process.exitCode = code;
