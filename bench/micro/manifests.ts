/**
 * A cluster's worth of Ingresses as YAML; the same text on every run. Five Ingresses share a Service, one in ten has
 * annotations, one in twenty two rules.
 */

/** One YAML text per file, a hundred Ingresses in each, the Services in the first. */
export function manifests(count: number): string[] {
  const services = Array.from({ length: Math.ceil(count / 5) }, (_, index) => service(index))
  const files = [services.join('')]
  for (let at = 0; at < count; at += 100) {
    files.push(Array.from({ length: Math.min(100, count - at) }, (_, index) => ingress(at + index)).join(''))
  }
  return files
}

/** `path` makes it another one than it was. */
export function ingress(index: number, path = '/'): string {
  const annotations =
    index % 10 === 0
      ? '\n  annotations:\n    nginx.ingress.kubernetes.io/proxy-read-timeout: "30"\n    nginx.ingress.kubernetes.io/enable-cors: "true"'
      : ''
  const paths = index % 20 === 0 ? [path, `${path === '/' ? '' : path}/static`] : [path]
  return `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web-${index}
  namespace: team-${index % 97}${annotations}
spec:
  rules:
    - host: svc-${index}.team-${index % 97}.example.com
      http:
        paths:
${paths.map((each) => `          - { path: ${each}, pathType: Prefix, backend: { service: { name: web-${Math.floor(index / 485)}, port: { number: 80 } } } }\n`).join('')}`
}

function service(index: number): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: web-${Math.floor(index / 97)}, namespace: team-${index % 97} }
spec: { selector: { app: web-${index} }, ports: [{ port: 80, targetPort: 8080 }] }
`
}
