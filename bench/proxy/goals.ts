/**
 * What Genkan wants to reach, each judged by the numbers of one run. Processor time is what counts: requests per second
 * also depend on who else wants the cores.
 */
import type { PeerResult, Range, Run, Sample, ScenarioResult } from './result.ts'
import { genkanIn, peerIn, rangeOf, ratioOf } from './result.ts'

export type Judgement = {
  readonly goal: string
  /** In words, with the numbers. */
  readonly measured: string
  /** `unclear`: the rounds fall on both sides. `unknown`: not part of this run. */
  readonly met: 'yes' | 'no' | 'unclear' | 'unknown'
}

const cpuOf = ({ cpu }: Sample): number | undefined => cpu

export function judge(run: Run): Judgement[] {
  const named = (name: string): ScenarioResult | undefined => run.scenarios.find((each) => each.name === name)
  return [
    against(named('rules'), { peer: 'nginx', least: 0.75, what: 'with 10,000 rules' }),
    against(named('rules'), { peer: 'Caddy', least: 4, what: 'with 10,000 rules' }),
    withBound(named('rules'), { peer: 'http-proxy', least: 5, what: 'with 10,000 rules' }),
    against(named('rules'), { peer: 'http-proxy defaults', least: 5, what: 'with 10,000 rules' }),
    against(named('guarded'), { peer: 'nginx', least: 0.8, what: 'with rate limit, sticky cookie and access log' }),
    http2(named('http2')),
    reloadFailures(named('reload')),
    reloadLatency(named('reload')),
    secondWorker(named('small'), named('workers')),
  ]
}

type Aim = { readonly peer: string; readonly least: number; readonly what: string }

function against(scenario: ScenarioResult | undefined, { peer, least, what }: Aim): Judgement {
  const [own, other] = [genkanIn(scenario), peerIn(scenario, peer)]
  const caveat = other?.unequal === undefined ? '' : ' (no equal)'
  const goal = `at least ${least} of ${possessive(peer)} requests per CPU second ${what}${caveat}`
  const ratio = own && other && ratioOf(other, own, cpuOf)
  return judgeRange(goal, ratio, { least, unit: ` of ${peer}`, digits: 2 })
}

/** Says as well what nginx reaches in the same run: nobody asks TypeScript for more than that. */
function withBound(scenario: ScenarioResult | undefined, aim: Aim): Judgement {
  const judgement = against(scenario, aim)
  const [nginx, other] = [peerIn(scenario, 'nginx'), peerIn(scenario, aim.peer)]
  const bound = nginx && other && ratioOf(other, nginx, cpuOf)
  if (bound === undefined || judgement.met === 'unknown') return judgement
  return { ...judgement, measured: `${judgement.measured}; nginx itself reaches ${printed(bound, 2)}` }
}

function http2(scenario: ScenarioResult | undefined): Judgement {
  const [own, other] = [genkanIn(scenario), peerIn(scenario, 'nginx')]
  const ratio = own && other && ratioOf(own, other, cpuOf)
  return judgeRange("HTTP/2 over TLS: at most 2.2 times nginx's CPU per request", ratio, { most: 2.2, ...inTimes })
}

function reloadFailures(scenario: ScenarioResult | undefined): Judgement {
  const failures = rangeOf(genkanIn(scenario)?.samples ?? [], (sample) => sample.failures)
  return judgeRange('no request fails while the configuration changes', failures, {
    most: 0,
    unit: ' failures',
    digits: 0,
  })
}

function reloadLatency(scenario: ScenarioResult | undefined): Judgement {
  const ratio = rangeOf(genkanIn(scenario)?.samples ?? [], ({ p99, reloads }) => reloads && p99 / reloads.quietP99)
  return judgeRange('p99 while the configuration changes at most twice the p99 without', ratio, { most: 2, ...inTimes })
}

function secondWorker(one: ScenarioResult | undefined, two: ScenarioResult | undefined): Judgement {
  const [single, both] = [genkanIn(one), genkanIn(two)].map((each): PeerResult | undefined => each)
  if (two?.cores.shared !== false) {
    const goal = 'CPU per request with a second worker within 10 % (too few cores for throughput)'
    return judgeRange(goal, single && both && ratioOf(both, single, cpuOf), { most: 1.1, ...inTimes })
  }
  const ratio = single && both && ratioOf(both, single, (sample) => sample.requestsPerSecond)
  return judgeRange('a second worker gives at least 1.7 times the requests per second', ratio, {
    least: 1.7,
    ...inTimes,
  })
}

function possessive(name: string): string {
  return name.endsWith('s') ? `${name}'` : `${name}'s`
}

type Bounds = {
  readonly least?: number
  readonly most?: number
  /** Behind the numbers. */
  readonly unit: string
  readonly digits: number
}

const inTimes = { unit: ' times', digits: 2 }

function judgeRange(
  goal: string,
  range: Range | undefined,
  { least = -Infinity, most = Infinity, unit, digits }: Bounds,
): Judgement {
  if (range === undefined) return { goal, measured: 'not measured', met: 'unknown' }
  const inside = (value: number): boolean => value >= least && value <= most
  const all = inside(range.min) && inside(range.max)
  return {
    goal,
    measured: `${printed(range, digits)}${unit}`,
    met: all ? 'yes' : inside(range.median) || inside(range.min) || inside(range.max) ? 'unclear' : 'no',
  }
}

function printed({ median, min, max }: Range, digits: number): string {
  const text = (value: number): string => value.toFixed(digits)
  return min === max ? text(median) : `${text(median)} (${text(min)} to ${text(max)})`
}
