/**
 * Runs the 150 flowers of the iris data set through a Sluice server and compares the answers with scikit-learn's.
 *
 *     node examples/node/client.js [host:port] [model version]
 *
 * Exit code 0: every answer agrees.
 */

import { readFileSync } from 'node:fs';
import { createClient } from 'sluice/client';

const TOLERANCE = 1e-5;

const [address = 'localhost:8001', version] = process.argv.slice(2);
const expected = JSON.parse(readFileSync(new URL('../iris/predictions.json', import.meta.url), 'utf8'));
const client = createClient({ address });

/** Prints how far labels and probabilities are from the reference, and answers whether that is near enough. */
function agrees(what, reference, labels, probabilities) {
  const wrong = reference.label.filter((label, row) => label !== labels[row]).length;
  const distances = reference.probabilities.flatMap((row, i) =>
    row.map((probability, j) => Math.abs(probability - probabilities[i][j])),
  );
  const furthest = Math.max(...distances);
  const good = wrong === 0 && furthest <= TOLERANCE;
  const verdict = good ? 'agrees with scikit-learn' : 'DIFFERS from scikit-learn';
  console.log(
    `${what}: ${verdict} (${wrong} labels differ, largest difference of a probability ${furthest.toExponential(1)})`,
  );
  return good;
}

try {
  const { rows } = expected;
  // The first answer says which version the server chose; the rows that are sent one by one then ask for that one.
  const together = await client.model('iris', { version }).predict({ X: rows });
  const reference = expected[together.version];
  const inOne = agrees(
    `version ${together.version}, ${rows.length} rows in one request`,
    reference,
    together.outputs.label.data,
    together.outputs.probabilities.data,
  );

  const iris = client.model('iris', { version: together.version });
  const answers = [];
  for (const row of rows) answers.push(await iris.predict({ X: [row] }, { deadlineMs: 1000 }));
  const alone = agrees(
    `version ${together.version}, ${rows.length} rows one by one`,
    reference,
    answers.map(({ outputs }) => outputs.label.data[0]),
    answers.map(({ outputs }) => outputs.probabilities.data[0]),
  );
  process.exitCode = inOne && alone ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  client.close();
}
