// R61. One of two consumers stands still with its hands full (SIGSTOP; in real life a stop-the-world
// collection, a host that swaps, a live migration) for longer than its heartbeat (real 10 s, here 2 s).
// The broker gives its jobs to the other. When it goes on, half-done jobs still in hand, what both have
// done must count once, and it must notice that its connection is gone and take its share again.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R61',
  target: 'consumer',
  instances: 2,
  needs: ['patient'],
  load: { rate: 100, duration: '13s' },
  expect: { recovery: '3s', inFlight: true, takeover: '1s', serving: { share: 0.95, within: '1s' }, fairShare: 0.5 },
  catches: { 'R61-key-per-try': 'duplicates' },
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
  // Jobs that take long are in work, and not just on their way, when it is struck.
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '200ms', times: 8 }]));
  const paused = await run.inject(faults.process('pause', { holding: 6, until: 'dropped' }));
  await slow.heal();
  await paused.inEffect();
  await paused.heal();
  await paused.gone();
  await run.recovered();
}
