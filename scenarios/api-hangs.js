// R54. The API server takes a report and never answers: the connection stays, and nothing comes. It ends at the
// consumer's time limit and is made again, so that it goes on while the API server still has not answered. One job at
// a time: nobody else moves on for it. Real: 10 s for a request, here 0.5 s.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R54',
  target: 'consumer',
  needs: ['outages', 'single'],
  load: { rate: 20, duration: '12s' },
  expect: { recovery: '4s', inFlight: true, worksOn: true },
  catches: { 'R54-waits-for-good': 'works-on' },
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
  const hung = await run.inject(faults.api([{ do: 'hang', times: 1 }]));
  await hung.inEffect();
  sleep(4); // longer than the standstill that is too long
  await hung.heal();
  await run.recovered();
}
