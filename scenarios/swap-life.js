// R80. A boot as it should have been: swap is not set up yet, then it is, then the AI process has eaten it,
// then, restarted, it has given it back. One check, four times right: wait, work, restart and alert, work.
// Real: the swap came about 60 s after the boot; here 1 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R80', 'A1'],
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 50, duration: '12s' },
  expect: { recovery: '3s', hooks: { restart: { min: 1, max: 1 } }, alerts: 1 },
  catches: { 'R80-check-once': 'hooks', 'A1-zero-is-low': 'alerts' },
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
  const unset = await run.inject(faults.reboot([faults.swap('unset')]));
  await unset.inEffect();
  sleep(1);
  await unset.heal();
  await run.recovered();
  const low = await run.inject(faults.swap('low'));
  await low.inEffect();
  await run.hookCalls('restart', 1);
  await low.heal();
  await run.recovered();
}
