// A1. A new instance boots before its swap is set up: total 0, free 0. That is not a host whose swap
// is used up: the consumer must wait for the swap, and leave the healthy AI process alone.
// Real: the swap came about 60 s after the boot; here 1 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A1',
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 100, duration: '10s' },
  expect: { recovery: '4s', hooks: {}, alerts: 0 },
  catches: { 'A1-zero-is-low': 'hooks' },
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
  const fault = await run.inject(faults.reboot([faults.swap('unset')]));
  await fault.inEffect();
  sleep(1);
  await fault.heal();
  await run.recovered();
}
