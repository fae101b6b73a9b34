// R40. The AI process answers pings, and no job: it hangs (a GPU that does). Jobs must end at their time
// limit, the AI process is restarted after a few of them, hangs again at the warm-up's sample, and the consumer
// goes on by itself once it works; no job is used up. Real: 30 s for a job, here 2 s.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R40',
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 100, duration: '13s' },
  expect: { recovery: '5s', hooks: { restart: { min: 1, max: 1 } }, alerts: 1, inFlight: true },
  catches: { 'R40-no-timeout': 'hooks', 'R40-ping-is-enough': 'hooks' },
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
  // The sample is only sent after a restart: that a second one comes shows that the first one ended at its limit.
  const fault = await run.inject(faults.worker([{ do: 'hang', match: 'warm-up', times: 2 }, { do: 'hang' }]));
  await run.hookCalls('restart', 1);
  await fault.spent();
  await fault.heal();
  await run.recovered();
}
