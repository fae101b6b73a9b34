// R3. The broker stands still for longer than the heartbeat (real 10 s, here 2 s), as when its machine is
// moved. The consumer gives the connection up; the jobs that it finishes meanwhile cannot be acked and
// come again: each must count once.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R3',
  target: 'consumer',
  needs: 'long-jobs',
  broker: 'own',
  load: { rate: 100, duration: '11s' },
  expect: { recovery: '5s', inFlight: true },
  catches: { 'R3-key-drawn-anew': 'duplicates' },
});

export const options = run.options;

export function setup() {
  run.start();
}

export function load() {
  run.submit({ prompt: 'a cat on a bicycle' });
}

export async function story() {
  await run.steady();
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '5s', times: 4 }]));
  await slow.inEffect();
  const paused = await run.inject(faults.brokerPaused());
  await paused.inEffect();
  await slow.heal();
  await paused.heal();
  await run.recovered();
}
