#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);

if (existsSync(main)) {
  // onnxruntime's own telemetry is off. It is looked up when the library is first loaded, in this process or in one that
  // inherits from it: no later place in the code would be early enough for all of them.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  await import(main.href);
} else {
  process.stderr.write('sluice: not built yet. Run `npm run build` first.\n');
  process.exitCode = 1;
}
