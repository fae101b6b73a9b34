// R36. The connection breaks, and the new ones are put on a bad path: the handshake comes byte by byte.
// It needs a limit, and another try on another connection: waiting for this one takes minutes.
// Real: limits of 5 s; here 1 s.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R36',
  target: 'consumer',
  links: 'broker',
  load: { rate: 100, duration: '9s' },
  expect: { recovery: '5s', inFlight: true },
  catches: { 'R36-no-handshake-limit': 'recovered' },
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
  const drip = await run.inject(faults.link('broker', 'drip', { delay: '50ms' }));
  const cut = await run.inject(faults.on('ack', 'cut', { nth: 5 }));
  await cut.inEffect();
  await cut.heal();
  await drip.inEffect();
  await drip.heal();
  await run.recovered();
}
