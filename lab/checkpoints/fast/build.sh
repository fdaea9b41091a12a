PY=python
T=$($PY -c "import torch,os;print(os.path.dirname(torch.__file__))")
I=$($PY -c "import sysconfig;print(sysconfig.get_paths()['include'])")
g++ -O3 -march=native -ffast-math -fPIC -shared -std=c++20 -DTORCH_EXTENSION_NAME=fastdit -I$T/include -I$T/include/torch/csrc/api/include -I$I fast.cpp -o fastdit.so -L$T/lib -ltorch -ltorch_cpu -ltorch_python -lc10 -Wl,-rpath,$T/lib
