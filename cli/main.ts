/** Entry of the command line: bin/sluice.js imports it. */

const argv = process.argv.slice(2);
const [command, ...rest] = argv;
if (command === 'serve' && !rest.includes('--help') && !rest.includes('-h')) {
  // Not by way of the program, which loads the client: a supervisor stays light, and a server starts sooner.
  const { serve } = await import('./supervise/serve.js');
  const code = await serve(rest);
  // A server in this process sets the code itself when it ends.
  if (code !== undefined) process.exitCode = code;
} else {
  const [{ guardStdout, systemIo }, { run }] = await Promise.all([import('./io.js'), import('./program.js')]);
  guardStdout();
  process.exitCode = await run(argv, systemIo());
}
