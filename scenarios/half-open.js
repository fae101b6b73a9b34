// R32. A firewall forgets the connection to the broker: nothing passes any more, in either direction,
// and nobody is told. Only heartbeats show it; the broker gives the jobs that were under way to the
// next connection when it has missed two of them. Real: heartbeats of 10 s or more; here 2 s.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R32',
  target: 'consumer',
  links: 'broker',
  load: { rate: 100, duration: '13s' },
  expect: { recovery: '9s', stall: '5s', inFlight: true }, // two heartbeats may be missed, and more
  catches: { 'R32-trusts-tcp': 'recovered' },
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
  const forgotten = await run.inject(faults.link('broker', 'half-open'));
  await forgotten.inEffect();
  await forgotten.heal();
  await run.recovered();
}
