// R37. The broker is gone for a while and refuses to be connected to. Four instances try again, each
// after a longer wait than before, and not all at the same moment: a broker that has just come back
// does not survive everybody at once. Real: minutes, waits of up to 10 s; here 4 s and 1 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R37',
  target: 'consumer',
  needs: 'backoff',
  instances: 4,
  load: { rate: 100, duration: '13s' },
  expect: { recovery: '5s', reconnects: { min: 5, max: 12 } },
  catches: { 'R37-no-backoff': 'reconnects', 'R37-no-jitter': 'reconnects' },
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
  const closed = await run.inject(faults.refuse());
  await closed.inEffect();
  sleep(4);
  await closed.heal();
  await run.recovered();
}
