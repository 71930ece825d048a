// Completes an installed tool with the sources of the framework. `walrus devchain publish` carries this file and runs it once.
import { keepFramework } from './framework.mjs';

keepFramework();
