import sys,torch,numpy as np,time
from pathlib import Path
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.lab.training.clips import Shelf
from comfyui_longtake.engine.noise_matrix import schedule
from comfyui_longtake.engine.roles import TARGET
from comfyui_longtake.models.prompts.captions import caption
torch.set_num_threads(1)
w=int(sys.argv[1]); root=Path('/root/tr/dec/clips'); b=load_bundle(); m=b.dit.bfloat16().eval(); S=(.3,.5)
lev=schedule(16,2.5)
for n,f in enumerate(sorted(p for p in root.glob('*-*x*') if p.suffix!='.part')):
    if n%2!=w or (f/'z.npy').exists(): continue
    s=Shelf(f); h,wd=s.size[0]//16,s.size[1]//16; out=np.zeros((len(s),3,24,16,h,wd),np.float16); t0=time.time()
    for i in range(0,len(s),8):
        ks=range(i,min(i+8,len(s)))
        with torch.no_grad(), torch.autocast('cpu',torch.bfloat16):
            z=torch.cat([b.vae.encode(s.clip(k)[None]).float() for k in ks]); out[i:i+len(ks),0]=z.numpy()
            st,mk=b.text([caption(s.sources[k].scene,0).text for k in ks]); ctx=m.context(st.bfloat16(),mk)
            fps=torch.tensor([s.sources[k].fps for k in ks]); B=len(ks); rows=torch.arange(B)[:,None].expand(B,16)
            for j,s0 in enumerate(S,1):
                g=torch.Generator().manual_seed(1000*n+i+j); x=(1-s0)*z+s0*torch.randn(z.shape,generator=g)
                seq=[s0,*[float(v) for v in lev if v<s0-.02]]
                for a,c in zip(seq,seq[1:]):
                    v=m(x.bfloat16(),torch.full((B,16),a),ctx,rows,torch.full((B,16),TARGET),torch.arange(16).float().expand(B,16),fps).float()
                    x=x+(c-a)*v
                out[i:i+B,j]=x.numpy()
        if i==0 or i%80==0: print(f.name,i,len(s),round(time.time()-t0,1),[round(float(np.square(out[i:i+B,0].astype(np.float32)-out[i:i+B,j].astype(np.float32)).mean()),3) for j in (1,2)],flush=True)
    np.save(f/'z.tmp.npy',out); (f/'z.tmp.npy').rename(f/'z.npy')
print('done',w)
