// C5. A rollout while every backend has long requests in work: what goes finishes what it has, and is given nothing
// new; no order is cut off. Real: a deregistration delay of 300 s, here 3 s, for requests of 0.6 s.
import { sleep } from 'k6';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const long = { latency: { median: '600ms' } };

const run = incident({
  id: 'C5',
  target: 'proxy',
  needs: 'rollout',
  backends: [long, long],
  load: { rate: 60, duration: '13s' },
  expect: { recovery: '2s', serves: '2' },
  catches: { 'C5-sends-to-drained': 'drained', 'C5-cuts-requests': 'errors' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  site.post('/orders', '{"item":7}');
}

export async function story() {
  await run.steady();
  sleep(1); // requests of 0.6 s take longer to show what is normal
  const rollout = await run.inject(faults.rollout('2', { backend: long, grace: '5s', drain: '3s' }));
  await rollout.inEffect();
  await rollout.spent();
  await rollout.heal();
  await rollout.gone();
  await run.recovered();
}
