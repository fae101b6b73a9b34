// R27. One ack gets lost on its way, and the consumer takes one job at a time: the broker waits for the
// ack, the consumer for a job, both for ever, and nothing on either side looks wrong. The consumer must
// doubt the silence. Real: it does after 5 s; here after 1 s.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R27',
  target: 'consumer',
  needs: ['single'],
  load: { rate: 25, duration: '8s' },
  expect: { recovery: '5s', inFlight: true },
  catches: { 'R27-no-watchdog': 'recovered' },
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
  const fault = await run.inject(faults.on('ack', 'swallow', { nth: 5 }));
  await fault.inEffect();
  await fault.heal();
  await run.recovered();
}
