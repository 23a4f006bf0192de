/**
 * One success is enough (nginx's `satisfy any`): the checks are asked in order until one lets the client pass. What
 * each of them takes out of the request is taken out whichever lets it pass.
 */
import { accessCheck, type AccessConfig } from './access.ts'
import { basicAuthCheck, type BasicAuthConfig } from './basic-auth.ts'
import type { Check } from './check.ts'
import { externalAuthCheck, type ExternalAuthConfig } from './external-auth.ts'
import type { FilterContext, FilterEnv, Reply } from './policy.ts'
import { definePolicy } from './policy.ts'

/** `undefined` for those that are not asked for. */
export type SatisfyAnyConfig = {
  readonly access: AccessConfig | undefined
  readonly basicAuth: BasicAuthConfig | undefined
  readonly externalAuth: ExternalAuthConfig | undefined
}

export const satisfyAny = definePolicy<SatisfyAnyConfig>({
  kind: 'satisfy-any',
  create: (config, env) => {
    const checks = checksOf(config, env)
    return {
      onRequest: (context) => {
        for (const { strip } of checks) strip?.(context)
        return askFrom(checks, 0, context, undefined)
      },
      onResponse: (context, head) => {
        for (const { onResponse } of checks) onResponse?.(context, head)
      },
    }
  },
})

function checksOf({ access, basicAuth, externalAuth }: SatisfyAnyConfig, env: FilterEnv): readonly Check[] {
  const checks: Check[] = []
  if (access !== undefined) checks.push(accessCheck(access))
  if (basicAuth !== undefined) checks.push(basicAuthCheck(basicAuth, env))
  if (externalAuth !== undefined) checks.push(externalAuthCheck(externalAuth, env))
  return checks
}

type Verdict = Reply | undefined | Promise<Reply | undefined>

function askFrom(checks: readonly Check[], at: number, context: FilterContext, worst: Reply | undefined): Verdict {
  const check = checks[at]
  if (check === undefined) return worst
  const verdict = check.ask(context)
  const goOn = (reply: Reply | undefined): Verdict => {
    if (reply === undefined || reply.cause === 'auth_failed') return reply
    return askFrom(checks, at + 1, context, worse(worst, reply))
  }
  return verdict instanceof Promise ? verdict.then(goOn) : goOn(verdict)
}

/** What helps the client most is said: a way to sign in, then a challenge, then that it is forbidden. */
function worse(one: Reply | undefined, other: Reply): Reply {
  const rank = ({ status }: Reply): number => (status === 302 ? 2 : status === 401 ? 1 : 0)
  return one === undefined || rank(other) > rank(one) ? other : one
}
