// A2. The swap is low and the AI process must be restarted. The restart executable is missing, then
// killed for memory (137) with the AI process dead, then answers codes of its own, then hangs; only
// then does it answer 1, restarted. Whatever is neither 1 nor 0 is a failure and is tried again.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A2',
  target: 'consumer',
  needs: ['memory', 'alerts'],
  load: { rate: 100, duration: '14s' },
  expect: {
    recovery: '6s',
    hooks: { restart: { min: 5, max: 8 } },
    alerts: { min: 1, max: 3 },
  },
  catches: {
    'A2-odd-code-ignored': 'hooks',
    'A2-odd-code-is-ok': 'hooks',
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
  const file = await run.inject(faults.hookFile('restart', 'missing'));
  const codes = await run.inject(faults.hook('restart', [
    { code: 137, kill: true }, { code: 2 }, { code: 255, stderr: 'boom' }, { hang: true }, { restart: true, code: 1 },
  ]));
  const swap = await run.inject(faults.swap('low'));
  await file.inEffect();
  await file.heal();
  await run.hookCalls('restart', 5);
  await codes.heal();
  await swap.heal();
  await run.recovered();
}
