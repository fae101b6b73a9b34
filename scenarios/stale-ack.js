// R22. The connection is cut while jobs are at work, and they end when there is another. Their tags are of
// the old channel: acked on the new one, they settle another message, or nobody's. The jobs come again,
// and must be recognised.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R22',
  target: 'consumer',
  load: { rate: 100, duration: '9s' },
  expect: { recovery: '3s', inFlight: true },
  catches: { 'R22-stale-ack': 'settle' },
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
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '1.5s', times: 3 }]));
  await slow.inEffect();
  const cut = await run.inject(faults.on('ack', 'cut', { nth: 2 }));
  await cut.inEffect();
  await cut.heal();
  await cut.gone(); // there is another connection
  await slow.heal();
  await run.recovered();
}
