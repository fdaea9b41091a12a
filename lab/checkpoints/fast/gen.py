import sys,time,random,torch
torch.set_num_threads(1)
from pathlib import Path
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.models.prompts.scene import WORLDS
from comfyui_longtake.lab.training.latents import draw_latents
worker=int(sys.argv[1]); n=int(sys.argv[2]); lat=int(sys.argv[3]); base=int(sys.argv[4])
b=load_bundle()
root=Path('runs/lat')
sizes=[((128,192),.46),((160,256),.34),((192,128),.09),((160,160),.06),((112,256),.05)]
for k in range(n):
    for s,share in sizes:
        c=max(1,round(100*share)); seed=base+10*k+worker
        f=root/f"{s[1]}x{s[0]}-{seed}"
        t=time.time(); draw_latents(f,WORLDS['full'],b.vae,b.text,b.dit.adapter,s,c,latents=lat,seed=seed)
        print(f,c,round(time.time()-t,1),flush=True)
