// R30. The broker moves to another region: each way takes 40 ms longer, give or take. A consumer that
// asks for the next job only after the ack of the last is then slower than its load, and a backlog grows.
// Real: 40 ms all the time. Here: 40 to 60 ms each way, for 6 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R30',
  target: 'consumer',
  needs: 'prefetch',
  links: 'broker',
  load: { rate: 50, duration: '13s' },
  expect: { recovery: '2s', inFlight: true, serving: { share: 0.9, within: '1s' } },
  catches: { 'R30-prefetch-one': 'serving' },
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
  const far = await run.inject(faults.link('broker', 'latency', { delay: '40ms', jitter: '20ms' }));
  await far.inEffect();
  sleep(6);
  await far.heal();
  await run.recovered();
}
