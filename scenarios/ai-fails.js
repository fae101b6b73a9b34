// R43. The AI process answers 500 to every job, pings are fine, and a restart does not help at first. The
// consumer must stop using jobs up, have it restarted, wait for it with a sample of its own, alert once,
// and go on by itself. Real: an afternoon, here until five samples have failed, in which time jobs would be given up.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R43',
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 50, duration: '12s' },
  expect: { recovery: '6s', hooks: { restart: { min: 1, max: 1 } }, alerts: 1 },
  catches: { 'R43-errors-are-the-jobs': 'no-loss', 'R43-reports-the-failure': 'whole-results' },
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
  const fault = await run.inject(faults.worker([
    { do: 'fail', status: 500, match: 'warm-up', times: 5 },
    { do: 'fail', status: 500 },
  ]));
  await fault.spent();
  await fault.heal();
  await run.recovered();
}
