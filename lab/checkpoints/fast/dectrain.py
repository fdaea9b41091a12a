import sys,os,torch,numpy as np,time,random,json,copy
from pathlib import Path
from safetensors.torch import save_file
import torch.nn.functional as F
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.lab.training.clips import Shelf
from comfyui_longtake.lab.training.critic import Critic,alike,hinge
from comfyui_longtake.lab.training.vae import crop_loss
from comfyui_longtake.lab.training.muon import Muon
from comfyui_longtake.lab.training.quality import sharpness,psnr,detail,tile_ratio
from comfyui_longtake.lab.training.likeness import steepness
from comfyui_longtake.lab.training.run import save_strip
torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS','2')))
OUT=Path('/root/tr/decrun'); OUT.mkdir(exist_ok=True); TOTAL=lambda: float((OUT/'total').read_text())
LR=float(os.environ.get('LR','2e-3')); FEAT,OPIN=float(os.environ.get('FEAT','.5')),float(os.environ.get('OPIN','.25')); START=float(os.environ.get('CRIT','.25'))
b=load_bundle(); vae=b.vae; vae.requires_grad_(False); vae.decoder.requires_grad_(True); vae.train()
ema=copy.deepcopy(vae.decoder).eval(); critic=Critic(3)
opt=Muon(vae.decoder,LR,LR/3,dtype=torch.bfloat16); base=[g['lr'] for g in opt.param_groups]; copt=torch.optim.AdamW(critic.parameters(),1e-3,betas=(.5,.9))
root=Path('/root/tr/dec/clips'); mean,std=vae._stat(vae.mean),vae._stat(vae.std)
def load(part): 
    r=[]
    for f in sorted(root.glob(part+'-*x*')):
        if (f/'z.npy').exists(): s=Shelf(f); s.z=np.load(f/'z.npy',mmap_mode='r'); r.append(s)
    return r
tr,te=load('train'),load('test'); rng=random.Random(1); W=[len(s) for s in tr]; print(W,[len(s) for s in te],flush=True)
PIX=int(os.environ.get('PIX','200000')); T=5
def batch():
    s=rng.choices(tr,W)[0]; H,Wd=s.size; n=max(1,PIX//(H*Wd*T)); xs,zs,fs,bs=[],[],[],[]
    for _ in range(n):
        k=rng.randrange(len(s)); t=rng.randrange(0,16-T+1); v=rng.choices((0,1,2),(.3,.4,.3))[0]; fl=rng.random()<.0
        z=torch.from_numpy(s.z[k,v].astype(np.float32)); x=torch.from_numpy(s.pixels[k,t:t+T].copy()).float()/255
        zs.append(z[:,t:t+T]); bs.append(z[:,t-1:t] if t else None); xs.append(x); fs.append(torch.from_numpy(s.figures[k,t:t+T].copy()).float()/255)
    z=torch.stack(zs).transpose(1,2)*std+mean
    before=torch.stack([torch.zeros(1,24,*z.shape[-2:]) if o is None else (o.transpose(0,1)*std[0]+mean[0]) for o in bs])
    z=z+vae.std.view(1,1,-1,1,1)*.1*torch.rand(len(z),1,1,1,1)*torch.randn_like(z)
    return torch.stack(xs).permute(0,1,3,4,2),z,before,torch.stack(fs)
@torch.no_grad()
def measure(dec,tag,strip=None):
    old=vae.decoder; vae.decoder=dec; rows=[[] for _ in range(3)]; pic=[]
    s=max(te,key=lambda s:s.size[0]*s.size[1])
    for k in range(min(10,len(s))):
        x=s.clip(k)[None]
        for v in (0,1,2):
            with torch.autocast('cpu',torch.bfloat16): y=vae.decode(torch.from_numpy(s.z[k,v].astype(np.float32))[None]).float()
            fl=lambda c:float((c[:,2:]-2*c[:,1:-1]+c[:,:-2]).abs().mean())
            rows[v].append([float(psnr(y,x)),sharpness(y,x),steepness(y[0])/steepness(x[0]),detail(y)/detail(x),tile_ratio(y)/tile_ratio(x),fl(y)/fl(x)])
            if k<5 and v==2: pic.append(torch.cat([x[0,6:13:3],y[0,6:13:3]],1))
    vae.decoder=old
    if strip: save_strip(OUT/strip,[torch.cat(pic[i:i+2]) for i in range(0,4,2)])
    print(tag,*[[round(float(u),3) for u in torch.tensor(r).mean(0)] for r in rows],flush=True)
measure(ema,'box','strip_box.png'); t0=time.time(); step=0; last=t0; lm=t0
while True:
    p=(time.time()-t0)/TOTAL()
    if p>=1: break
    sc=min(1,(step+1)/30)*min(1.,max(.02,(1-p)/.5))
    for g,l in zip(opt.param_groups,base): g['lr']=l*sc
    x,z,be,fg=batch()
    with torch.autocast('cpu',torch.bfloat16): y=vae.draw(z,be)
    leaf=y.detach().requires_grad_(); err=crop_loss(leaf,x,fg); (pull,)=torch.autograd.grad(err,leaf,retain_graph=True)
    op=min(1,max(0,(p-START)/.05))
    if op:
        critic.requires_grad_(False)
        with torch.autocast('cpu',torch.bfloat16):
            score,feat=critic(vae.groups(leaf))
            with torch.no_grad(): _,given=critic(vae.groups(x))
        critic.requires_grad_(True); size=op*pull.norm(); whole=pull
        for word,share in ((alike(feat,given),FEAT),(-score.float().mean(),OPIN)):
            (part,)=torch.autograd.grad(word,leaf,retain_graph=True); whole=whole+share*size*part/part.norm().clamp_min(1e-12)
        pull=whole
    opt.zero_grad(set_to_none=True); y.backward(pull); opt.step()
    if p>START-.05:
        with torch.autocast('cpu',torch.bfloat16): cl=hinge(critic(vae.groups(x))[0],critic(vae.groups(y.detach()))[0])
        copt.zero_grad(set_to_none=True); cl.backward(); copt.step()
    step+=1; d=min(.998,(1+step)/(10+step))
    with torch.no_grad():
        for a,c in zip(ema.parameters(),vae.decoder.parameters()): a.lerp_(c,1-d)
    if step%50==0: print(step,round(p,3),round(float(err),4),round((time.time()-last)/50,3),'s/step',flush=True); last=time.time()
    if time.time()-lm>300: measure(ema,f'{step}',f'strip_{step:06d}.png'); save_file({k:v.contiguous() for k,v in ema.state_dict().items()},str(OUT/'dec.tmp')); os.replace(OUT/'dec.tmp',OUT/'dec.safetensors'); lm=time.time()
measure(ema,'end','strip_end.png'); save_file({k:v.contiguous() for k,v in ema.state_dict().items()},str(OUT/'dec.safetensors')); print('done',flush=True)
