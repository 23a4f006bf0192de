/**
 * One JSON line per exchange (access-line.ts), to a file or to standard output (line-sink.ts).
 */
import { mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Turn } from '#lib/turn.ts'
import { AccessLines, type AccessRecord } from './access-line.ts'
import { LineSink } from './line-sink.ts'

export interface AccessLog {
  /** `asked` comes from `printAsked`. */
  write(record: AccessRecord, asked: string): void
  /** Resolves when everything written so far has reached the destination, or has failed to. */
  close(): Promise<void>
}

export type AccessLogInit = {
  /** A file's path, or 1 for standard output. */
  readonly destination: string | 1
  /** To write where only one worker may at a time. */
  readonly turn: Turn
  /** So many lines are lost. */
  readonly onDrop: (lines: number) => void
}

/** Throws when the file cannot be opened. */
export function createAccessLog({ destination, turn, onDrop }: AccessLogInit): AccessLog {
  const sink = new LineSink({ fd: open(destination), turn, onDrop })
  const lines = new AccessLines()
  return { write: (record, asked) => sink.add(lines.print(record, asked)), close: () => sink.close() }
}

/** Opened here and now, so that a path that cannot be written is an error at start and not a silent loss later. */
function open(destination: string | 1): number {
  if (destination === 1) return 1
  mkdirSync(dirname(destination), { recursive: true })
  return openSync(destination, 'a')
}
