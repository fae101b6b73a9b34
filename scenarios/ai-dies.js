// R45, R46, R47. The kernel kills the AI process for its memory (137): first with four jobs in it at once,
// of which no job may be given up, then again under load, and then it refuses to start three times. Each time it must
// be restarted, for as long as that takes, with one alert and one all-clear.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R45', 'R46', 'R47'],
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 100, duration: '15s' },
  expect: { recovery: '6s', hooks: { restart: { min: 5, max: 8 } }, alerts: 2, inFlight: true },
  catches: {
    'R45-nobody-watches': 'hooks',
    'R46-restart-once': 'hooks',
    'R47-crash-is-the-jobs': 'no-loss',
  },
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
  const full = await run.inject(faults.worker([
    { do: 'slow', delay: '500ms', times: 3 }, { do: 'oom', times: 1 },
  ]));
  await run.hookCalls('restart', 1);
  await full.heal();
  await run.recovered();
  const refuses = await run.inject(faults.worker([
    { do: 'oom', nth: 20, times: 1 }, { on: 'boot', do: 'refuse', times: 3 },
  ]));
  await run.hookCalls('restart', 5);
  await refuses.heal();
  await run.recovered();
}
