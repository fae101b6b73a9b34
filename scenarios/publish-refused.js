// R8. Some jobs fail, and are published again, to be tried later. The broker refuses that (nack: the
// retry queue is full, or its leader is away), and then finds no queue for it (return). The job must not be
// lost: the original is acked only when the copy is safe.
import exec from 'k6/execution';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R8',
  target: 'consumer',
  needs: ['republish'],
  load: { rate: 100, duration: '9s' },
  expect: { recovery: '3s' },
  catches: {
    'R8-nack-is-confirm': 'no-loss',
    'R8-return-is-confirm': 'no-loss',
    'R8-not-mandatory': 'no-loss',
  },
});

export const options = run.options;

export function setup() {
  run.start();
}

export function load() {
  run.submit({ prompt: exec.scenario.iterationInTest % 10 ? 'a cat on a bicycle' : 'a dog on a bicycle' });
}

export async function story() {
  await run.steady();
  const failing = await run.inject(faults.worker([{ match: 'dog', do: 'fail', times: 40 }]));
  const refused = await run.inject(faults.on('publish', 'refuse', { times: 5 }));
  await refused.spent();
  await refused.heal();
  await refused.gone(); // while jobs still fail
  const returned = await run.inject(faults.on('publish', 'return', { times: 5 }));
  await returned.spent();
  await returned.heal();
  await returned.gone();
  await failing.heal();
  await run.recovered();
}
