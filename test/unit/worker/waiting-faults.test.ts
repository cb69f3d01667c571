import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import { ENDLESS_MODEL, ENDLESS_OUTPUT } from '../../../worker/endless-model.js';
import { commandedBy, commandOf, commit, FAULT_KINDS, FaultDice } from '../../../worker/waiting-faults.js';
import { onnxModel, type ValueSpec } from '../../support/onnx-model.js';

test('the endless model is a Loop that hands its state on for ever', () => {
  const scalar = (name: string, type: ValueSpec['type']) => ({ name, type: type as 'FP32', shape: [] });
  const built = onnxModel({
    inputs: [],
    outputs: [scalar(ENDLESS_OUTPUT, 'FP32')],
    weights: [
      { name: 'start', type: 'FP32', shape: [], values: [0] },
      { name: 'most', type: 'INT64', shape: [], values: [Number.MAX_SAFE_INTEGER] },
    ],
    nodes: [
      {
        op: 'Loop',
        inputs: ['most', '', 'start'],
        outputs: [ENDLESS_OUTPUT],
        attributes: [
          {
            name: 'body',
            graph: {
              inputs: [scalar('i', 'INT64'), scalar('go', 'BOOL'), scalar('a', 'FP32')],
              outputs: [scalar('on', 'BOOL'), scalar('b', 'FP32')],
              nodes: [
                { op: 'Identity', inputs: ['go'], outputs: ['on'] },
                { op: 'Identity', inputs: ['a'], outputs: ['b'] },
              ],
            },
          },
        ],
      },
    ],
  });
  assert.equal(Buffer.from(ENDLESS_MODEL).toString('base64'), Buffer.from(built).toString('base64'));
});

test('each fault has a command of its own, exact in FP32, and no other number commands anything', () => {
  const commands = FAULT_KINDS.map(commandOf);
  assert.equal(new Set(commands).size, FAULT_KINDS.length);
  for (const [i, kind] of FAULT_KINDS.entries()) {
    assert.equal(Math.fround(commands[i] as number), commands[i]);
    assert.equal(commandedBy(commands[i] as number), kind);
  }
  for (const value of [0, 1, -1, -1000, -1001.5, -1001 - FAULT_KINDS.length, Number.NaN, -Infinity, -0])
    assert.equal(commandedBy(value), undefined, String(value));
});

test('dice repeat themselves by seed and thread, differ between threads, and keep to the probability', () => {
  const plans = [
    { kind: 'throw', probability: 0.2, when: 'run' },
    { kind: 'kill', probability: 1, when: 'load' },
  ] as const;
  const draws = (seed: number, salt: number) => {
    const dice = new FaultDice(plans, seed, salt);
    return Array.from({ length: 1000 }, () => dice.draw('run'));
  };
  assert.deepEqual(draws(1, 1), draws(1, 1));
  assert.notDeepEqual(draws(1, 1), draws(1, 2));
  assert.notDeepEqual(draws(1, 1), draws(2, 1));
  const hits = draws(1, 1).filter((kind) => kind === 'throw').length;
  assert.ok(hits > 150 && hits < 250, `${hits} of 1000`);
  assert.equal(new FaultDice(plans, 1).draw('load'), 'kill');
  assert.equal(new FaultDice([], 1).draw('run'), undefined);
});

test('a rejection is the request’s: an error, not a dead worker', async () => {
  await assert.rejects(
    commit('reject'),
    (error) => error instanceof GatewayError && error.code === 'INTERNAL',
  );
});
