/** Sends whoever asks for `/` to where the application begins. */
import { definePolicy } from './policy.ts'
import { publicOrigin } from './variables.ts'

export type AppRootConfig = {
  /** A path, beginning with a slash. */
  readonly target: string
}

export const appRoot = definePolicy<AppRootConfig>({
  kind: 'app-root',
  create: ({ target }) => ({
    onRequest: (context) => {
      if (context.path !== '/') return undefined
      return { status: 302, fields: ['Location', publicOrigin(context) + target], body: '' }
    },
  }),
})
