import { z } from 'zod';

const paths = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const className = z.union([z.string().min(1), z.number()]).transform(String);

/** A YOLO `data.yaml` as Ultralytics writes it; keys that are not listed here are left alone. */
export const yoloDataSchema = z
  .looseObject({
    /** Folder that the splits are relative to, relative to the file. */
    path: z.string().min(1).default('.'),
    train: paths.nullish(),
    val: paths.nullish(),
    test: paths.nullish(),
    /** A list, or a map from id to name. */
    names: z.union([z.array(className).min(1), z.record(z.string(), className)]),
  })
  .superRefine(({ train, val, test, names }, context) => {
    if (!train && !val && !test) {
      context.addIssue({ code: 'custom', path: [], message: 'needs train, val or test: folders or lists of images' });
    }
    if (Array.isArray(names)) return;
    const ids = Object.keys(names).map(Number);
    const missing = ids.sort((a, b) => a - b).findIndex((id, i) => id !== i);
    if (ids.length === 0 || missing >= 0) {
      context.addIssue({
        code: 'custom',
        path: ['names'],
        message: `needs every id from 0; ${Math.max(0, missing)} is missing`,
      });
    }
  });

export type YoloData = z.infer<typeof yoloDataSchema>;

/** Old class name -> new one; several may become one, null leaves the boxes of a class out. */
export const classMapSchema = z.record(z.string(), z.string().min(1).nullable());

export type ClassMap = z.infer<typeof classMapSchema>;
