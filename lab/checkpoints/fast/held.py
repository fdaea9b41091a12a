import sys,random,torch,time
from pathlib import Path
import fm
from comfyui_longtake.models import dit as D
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.lab.training import dit as DD, latents as LL
from safetensors.torch import load_file
import train2 as T
D.WIDE=10**9; fm.on(); torch.set_num_threads(1)
b=load_bundle(); m=b.dit; sd={}
for f in sys.argv[1].split(','): sd|=load_file(f)
m.load_state_dict({k:v.float() for k,v in sd.items()}); m=m.bfloat16().eval()
s0=[LL.LatentShelf(f) for f in sorted(Path('runs/lat').glob('192x128*')) if f.suffix!='.part'][0]
with torch.no_grad(): vis=LL.visibility(b.vae,[s0.clip(k) for k in range(16)])
for D0,pat in (a.split(':') for a in sys.argv[2:]):
    sh=T.Shelves.__new__(T.Shelves); sh.by={}; sh.device=torch.device('cpu'); sh.rng=random.Random(5); sh.joint=random.Random(6)
    sh.names=set()
    for f in sorted(Path(D0).glob('*x*')):
        if f.suffix!='.part' and f.name.split('-')[1].startswith(pat):
            s=LL.LatentShelf(f); s.size=tuple(s.latents.shape[-2:]); s.wt=len(s); sh.by.setdefault(s.size,[]).append(s)
    sh.empty=next(iter(sh.by.values()))[0].empty
    torch.manual_seed(7); a=[]
    with torch.no_grad():
        for i in range(24): a.append(float(DD.batch_loss(m,sh,random.Random(i),16384,32,torch.float32,None,0.,vis)))
    t=torch.tensor(a); print(pat,round(t.mean().item(),4),'+-',round((t.std()/len(a)**.5).item(),4),flush=True)
