// A11. Three consumers; the network of one stands still while it is at work, without any sign of it.
// That may cost the few jobs that it holds some time and nobody else anything: the others go on as if
// it was not there. Once its network is back it gets its share again.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A11',
  target: 'consumer',
  instances: 3,
  load: { rate: 100, duration: '10s' },
  expect: { recovery: '3s', inFlight: true, serving: { share: 0.93, within: '1s' }, fairShare: 0.5 },
  catches: { 'R74-no-prefetch': 'serving', 'A8-throw-on-ack': 'fair-share' },
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
  const broken = await run.inject(faults.on('ack', 'stall', { instance: 1, for: '2500ms' }));
  await broken.inEffect();
  await broken.heal();
  await broken.gone();
  await run.recovered();
}
