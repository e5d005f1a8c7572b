import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import {
  attributeType,
  decodeModel,
  describeValue,
  encodeModel,
  type OnnxAttribute,
  type OnnxModel,
  toNumber,
} from '../onnx/index.js';

const domain = 'com.microsoft';
const operator = 'EPContext';
const source = 'TensorrtExecutionProvider';

/** A wrapper as read back. */
export interface EngineWrapper {
  /** Path of the engine, relative to the wrapper's folder. */
  readonly engineFile: string;
  /** Compute capability without the point, `87`. */
  readonly hardwareArchitecture: string;
  readonly inputs: ReturnType<typeof describeValue>[];
  readonly outputs: ReturnType<typeof describeValue>[];
}

/**
 * The one-node ONNX file through which ONNX Runtime loads an engine that trtexec built: its TensorRT provider takes a graph
 * of exactly one EPContext node without any option, which Node cannot give it. Names, types and shapes of inputs and outputs
 * are the engine's bindings, so they are copied from the model. It has to be loaded by its path, since the engine is found
 * from there.
 * Source: GetCapability and CreateNodeComputeInfoFromPrecompiledEngine of ONNX Runtime's TensorRT provider, as of 1.30.
 * @param model what the engine was built from
 * @param engineFile relative to the wrapper's folder
 * @param computeCapability `8.7`; ONNX Runtime warns on another device
 * @throws {PlumblineError} PLB_RUNTIME_ENGINE_WRAPPER_INVALID for an absolute engine file or one with `..`
 */
export function encodeEngineWrapper(model: OnnxModel, engineFile: string, computeCapability: string): Uint8Array {
  checkEngineFile(engineFile, engineFile);
  const { graph } = model;
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const input = graph.input.filter(({ name }) => !initializers.has(name));
  return encodeModel({
    ir_version: model.ir_version,
    producer_name: 'plumbline',
    opset_import: [...model.opset_import.filter((opset) => opset.domain === ''), { domain, version: 1 }],
    graph: {
      name: graph.name,
      initializer: [],
      node: [
        {
          name: 'engine',
          op_type: operator,
          domain,
          input: input.map(({ name }) => name),
          output: graph.output.map(({ name }) => name),
          attribute: [
            { name: 'embed_mode', type: attributeType.int, i: 0 },
            text('ep_cache_context', engineFile),
            text('hardware_architecture', computeCapability.replace('.', '')),
            text('source', source),
          ],
        },
      ],
      input,
      output: graph.output,
    },
  });
}

/**
 * @throws {PlumblineError} PLB_RUNTIME_MODEL_MISSING, PLB_RUNTIME_MODEL_UNREADABLE when it is no ONNX file,
 *   PLB_RUNTIME_ENGINE_WRAPPER_INVALID when it is another graph or names an engine outside its folder
 */
export async function readEngineWrapper(file: string): Promise<EngineWrapper> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new PlumblineError('PLB_RUNTIME_MODEL_MISSING', { file, reason: cause.code ?? String(cause) }, { cause });
  });
  const { graph } = decodeModel(bytes, file);
  const invalid = (problem: string) => new PlumblineError('PLB_RUNTIME_ENGINE_WRAPPER_INVALID', { file, problem });
  const [node, ...others] = graph.node;
  if (!node || others.length > 0) throw invalid(`it has ${graph.node.length} nodes instead of one`);
  if (node.op_type !== operator || node.domain !== domain)
    throw invalid(`its node is ${node.op_type}, not ${operator}`);
  const attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
  const readText = (name: string) => Buffer.from(attributes.get(name)?.s ?? []).toString('utf8');
  if (toNumber(attributes.get('embed_mode')?.i ?? 1) !== 0) throw invalid('it holds the engine itself (embed_mode 1)');
  if (readText('source') !== source) throw invalid(`its engine is made for "${readText('source')}"`);
  const engineFile = readText('ep_cache_context');
  checkEngineFile(engineFile, file);
  return {
    engineFile,
    hardwareArchitecture: readText('hardware_architecture'),
    inputs: graph.input.map(describeValue),
    outputs: graph.output.map(describeValue),
  };
}

function text(name: string, value: string): OnnxAttribute {
  return { name, type: attributeType.string, s: Buffer.from(value, 'utf8') };
}

/** ONNX Runtime refuses absolute paths and `..`; a backslash is a separator on one system only. */
function checkEngineFile(engineFile: string, file: string): void {
  const refuse = (problem: string) => {
    throw new PlumblineError('PLB_RUNTIME_ENGINE_WRAPPER_INVALID', { file, problem });
  };
  if (engineFile === '') refuse('it names no engine');
  if (isAbsolute(engineFile) || engineFile.includes('\\'))
    refuse(`the engine "${engineFile}" is not a relative path with slashes`);
  if (engineFile.split('/').includes('..')) refuse(`the engine "${engineFile}" leads out of its folder`);
}
