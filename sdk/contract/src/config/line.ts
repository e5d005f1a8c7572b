import { z } from 'zod';
import { baseTopicSchema } from '../wire/topics.js';

const score = z.number().min(0).max(1);

/** Frames from image files in name order. */
export const imagesSourceSchema = z.strictObject({
  kind: z.literal('images'),
  path: z
    .string()
    .min(1)
    .meta({ title: 'Image folder', description: 'Folder with JPEG, PNG, TIFF or WebP files, read in name order.' }),
  framesPerSecond: z.number().positive().max(1000).default(10).meta({ title: 'Frame rate', unit: '1/s' }),
  loop: z.boolean().default(false).meta({ title: 'Start again after the last image' }),
});

export const sourceSchema = z.discriminatedUnion('kind', [imagesSourceSchema]);

export const ruleSchema = z.strictObject({
  name: z.string().min(1).meta({ description: 'Shown with the verdict.' }),
  when: z.strictObject({
    anyOf: z.array(z.string().min(1)).min(1).meta({ description: "Class names of the model, or '*' for every class." }),
    minScore: score.default(0.5).meta({ title: 'Score threshold', description: 'Detections at or above it count.' }),
  }),
  verdict: z.literal('NotOK').meta({ description: 'Verdict when the rule holds; a part that no rule rejects is OK.' }),
});

export const mqttPublisherSchema = z
  .strictObject({
    kind: z.literal('mqtt'),
    url: z
      .string()
      .regex(/^(mqtt|mqtts|ws|wss):\/\/.+/, 'a broker URL such as mqtt://127.0.0.1:1883')
      .meta({ title: 'Broker URL' }),
    topic: baseTopicSchema.meta({ title: 'Base topic' }),
    clientId: z.string().min(1).max(64).optional().meta({ description: 'MQTT client id; plumbline-<id> when absent.' }),
    username: z.string().optional().meta({ description: 'MQTT user name.' }),
    passwordFile: z.string().optional().meta({ description: 'File whose first line is the password.' }),
    tls: z
      .strictObject({
        caFile: z
          .string()
          .optional()
          .meta({ description: "PEM file of the authority that signed the broker's certificate." }),
        certFile: z.string().optional().meta({ description: "PEM file of this station's certificate." }),
        keyFile: z.string().optional().meta({ description: "PEM file of this station's key." }),
      })
      .refine((tls) => (tls.certFile === undefined) === (tls.keyFile === undefined), {
        error: 'certFile and keyFile belong together: give both or neither',
      })
      .optional()
      .meta({ title: 'Certificates', description: 'For mqtts:// and wss:// brokers of a private authority.' }),
    ack: z.boolean().default(false).meta({
      title: 'Wait for the MES acknowledgement',
      description: 'Records are kept until the MES has acknowledged them on the ack topic.',
    }),
    retentionHours: z.number().positive().default(72).meta({
      title: 'Keep delivered records',
      unit: 'h',
      description: 'Without ack: time that records are kept after the broker took them.',
    }),
  })
  .refine(({ url, tls }) => tls === undefined || /^(mqtts|wss):/.test(url), {
    path: ['tls'],
    error: 'certificates need an encrypted connection: give an mqtts:// or wss:// url',
  });

/** What one station inspects and where its verdicts go. Relative paths are relative to the file. */
export const lineConfigSchema = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[^/+#\s]+$/, 'no slash, blank, + or #')
    .meta({ title: 'Station id', description: 'sourceId on the wire.' }),
  source: sourceSchema,
  model: z.string().min(1).meta({ title: 'Model', description: 'A model folder with manifest.json.' }),
  rules: z.array(ruleSchema).min(1),
  publish: z.array(mqttPublisherSchema).max(1, 'at most one publisher').default([]),
  store: z
    .string()
    .min(1)
    .default('./data')
    .meta({ description: 'Folder of the outbox and the API token; one daemon each.' }),
  storeMaxBytes: z.int().min(1_000_000).default(2_000_000_000).meta({
    unit: 'byte',
    description: 'Outbox size above which the oldest delivered, then the oldest OK records are dropped and counted.',
  }),
  api: z
    .strictObject({
      host: z.string().default('127.0.0.1').meta({ description: 'Address that console and metrics are served on.' }),
      port: z.int().min(0).max(65535).default(8080).meta({ description: 'TCP port; 0 takes any free one.' }),
      allowedHosts: z.array(z.string().min(1)).default([]).meta({
        description:
          'Names besides IP address, localhost and host name by which the daemon may be addressed; others are refused.',
      }),
    })
    .prefault({}),
  runtime: z
    .strictObject({
      threads: z
        .int()
        .min(1)
        .max(64)
        .optional()
        .meta({ description: 'Threads of one inference; all cores when absent.' }),
      scoreThreshold: score.optional().meta({ description: "Lowest score kept; the model's own when absent." }),
      executionProviders: z
        .array(z.enum(['cpu', 'cuda', 'tensorrt', 'webgpu', 'dml', 'coreml']))
        .min(1)
        .optional()
        .meta({
          description:
            'Where ONNX Runtime computes, the preferred one first; only cpu when absent. One that cannot be used is shown as a problem of the line.',
        }),
    })
    .default({}),
  yieldTarget: score.default(0.95).meta({ description: 'Share of OK parts that the console shows as the target.' }),
});

export type LineConfig = z.infer<typeof lineConfigSchema>;
export type SourceConfig = z.infer<typeof sourceSchema>;
export type RuleConfig = z.infer<typeof ruleSchema>;
export type MqttPublisherConfig = z.infer<typeof mqttPublisherSchema>;
