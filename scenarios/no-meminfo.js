// R81. A container without the host's /proc: the account of its memory is missing at boot, and later a
// folder, and later nonsense. That is not a host without memory. Whoever is on call hears of it, once each
// time; the AI process is left alone, and jobs are done without the check. Real: 5 s until it is said; here 0.5 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R81',
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 50, duration: '14s' },
  expect: { recovery: '1s', hooks: {}, alerts: 3, serving: { share: 0.9, within: '2s' } },
  catches: { 'R81-unreadable-is-low': 'hooks', 'R81-waits-for-memory': 'serving' },
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
  const boot = await run.inject(faults.reboot([faults.meminfo('missing')]));
  await boot.inEffect();
  sleep(3); // of work without the check
  await boot.heal();
  await boot.gone();
  for (const fault of [faults.meminfo('unreadable'), faults.meminfo('garbled')]) {
    const active = await run.inject(fault);
    await active.inEffect();
    sleep(1);
    await active.heal();
    await active.gone();
  }
  await run.recovered();
}
