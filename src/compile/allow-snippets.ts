/** Name of our own annotation that lets snippets be interpreted, where they are read and where it is described. */
export const allowSnippets = 'allow-snippets'
